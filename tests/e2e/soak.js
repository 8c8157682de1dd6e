'use strict';
// The program behind scripts/soak.

const { Stage } = require('./lib/stage');
const { Soak, MIB } = require('./lib/soak');
const { pause } = require('./lib/wait');

const WARM_S = 120;
const REST_S = 130; // what only a burst needed is let go in the second minute after it
const LOOK_S = 62; // the last of them: once a minute what is free goes back, and comes again by and by
const MOST = { slope: 1, p99: 50, pooled: MIB / 8 }; // pooled: one object more of a pool, which a short run would multiply

async function main() {
  const seconds = Number(process.argv[2]) * 60;
  const stage = new Stage();
  const soak = new Soak(stage);
  const broken = [];
  const line = (ok, what, found, wanted) => {
    console.log(`${ok ? 'ok    ' : 'BROKEN'}  ${what.padEnd(34)} ${found}  (${wanted})`);
    if (!ok) broken.push(what);
  };

  const besides = Math.ceil((WARM_S + 3 * REST_S) / 60);
  console.log(`${seconds / 60} min at ${soak.perSecond} notices/s, and ${besides} of warming up and resting; files in ${stage.dir}`);
  try {
    await soak.begin();
    await soak.burst(WARM_S / 8);
    await soak.run(WARM_S);
    const rest = async () => {
      const { counts } = await soak.calm();
      await pause((REST_S - LOOK_S) * 1000);
      const looks = [];
      for (let k = 0; k < LOOK_S; k++) {
        await pause(1000);
        looks.push(soak.look());
      }
      const least = (what) => Math.min(...looks.map((one) => one[what]));
      return { ...looks.at(-1), rss: least('rss'), heap: least('heap'), counts };
    };
    const first = await rest();
    soak.samples = [];
    const probe = soak.probe();
    let middle = first;
    for (let left = seconds; left > 0; left -= 60) {
      if (left <= seconds / 2 && middle === first) middle = await rest();
      await soak.run(60);
      const { rss, fds } = soak.samples.at(-1);
      console.log(`  ${seconds - left + 60} s: ${(rss / MIB).toFixed(2)} MiB, ${fds} files`);
    }
    const { campaigns, samples } = soak;
    probe.stop();
    const last = await rest();
    const { scripts, write, of } = await soak.p99();

    console.log(`${campaigns.length} campaigns, ${JSON.stringify(last.counts)}, ${soak.flaps} flaps, ${soak.suspended} days slept, ${samples.length} samples`);
    for (const [what, name] of [['rss', 'memory'], ['heap', 'heap in use']]) {
      const more = (from, to) => ((to[what] - from[what]) / MIB) / ((to.at - from.at) / 3600e3);
      const holds = (from, to) => more(from, to) < MOST.slope || to[what] - from[what] < MOST.pooled;
      line(last[what] > 0 && holds(first, last) && holds(middle, last), `${name} at rest, MiB an hour`, more(first, last).toFixed(2),
        `less than ${MOST.slope}, or ${MOST.pooled / MIB} MiB in all; ${more(middle, last).toFixed(2)} in the second half; ${[first, middle, last].map((one) => (one[what] / MIB).toFixed(3)).join(', ')} MiB`);
    }
    console.log(`        at most ${(Math.max(...samples.map((one) => one.rss)) / MIB).toFixed(2)} MiB under load`);
    line(last.fds === first.fds, 'open files', `${first.fds} to ${last.fds}`, 'the same');
    line(scripts < MOST.p99, 'p99 of scripts in Redis, ms', scripts.toFixed(2), `less than ${MOST.p99}`);
    line(write < MOST.p99, 'p99 of a write, synced, ms', write.toFixed(2), `less than ${MOST.p99}; of ${of}`);
  } catch (error) {
    console.log(`BROKEN: ${error.stack}`);
    broken.push('the run');
  }
  for (const trouble of await stage.close()) {
    console.log(`BROKEN: ${trouble}`);
    broken.push('the end');
  }
  if (broken.length === 0) stage.remove();
  process.exit(broken.length === 0 ? 0 : 1);
}

main();
