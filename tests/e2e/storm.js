'use strict';
// The program behind scripts/storm.

const { Stage } = require('./lib/stage');
const { Storm } = require('./lib/storm');

const MOST = 20000;
const USAGE = 'usage: scripts/storm [--seconds N] [--seed S] [--policy hold|resend] [--recipients N] [--hits N] [--keep]';

function options(args) {
  const found = { seconds: 120, seed: Date.now() % 1000000, policy: 'hold', recipients: 20000, hits: 30 };
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, '');
    if (name === 'keep') found.keep = true;
    else if (['seconds', 'seed', 'recipients', 'hits'].includes(name) && /^\d+$/.test(args[i + 1] ?? '')) found[name] = Number(args[++i]);
    else if (name === 'policy' && ['hold', 'resend'].includes(args[i + 1])) found.policy = args[++i];
    else {
      console.error(USAGE);
      process.exit(64);
    }
  }
  if (found.recipients > MOST) {
    console.error(`--recipients: at most ${MOST}: they are queued in one event, which may have 1 MiB`);
    process.exit(64);
  }
  return found;
}

/** By name, in lines; + for those that the SMSC had taken after all. */
function listed(uncertain) {
  const names = uncertain.map((u) => `${u.n}${u.reached ? '+' : ''}`);
  const lines = [];
  while (names.length) lines.push(`  ${names.splice(0, 16).join(' ')}`);
  return lines.length ? `uncertain notices (+ the SMSC has it):\n${lines.join('\n')}` : 'nothing is uncertain';
}

async function main() {
  const wanted = options(process.argv.slice(2));
  const stage = new Stage();
  const terminal = process.stderr.isTTY;
  const say = (line) => terminal && process.stderr.write(`\r${line}\x1b[K`);
  const storm = new Storm(stage, { ...wanted, enough: wanted.hits, say });

  console.log(`seed ${storm.seed}, policy ${storm.policy}, ${storm.recipients} recipients over ${storm.seconds} s; files in ${stage.dir}`);
  try {
    await storm.run();
  } catch (error) {
    storm.broken.push(error.stack);
  }
  await storm.end();
  if (terminal) process.stderr.write('\r\x1b[K');
  if (storm.states) {
    console.log(storm.table());
    console.log(listed(storm.uncertain));
  }
  if (storm.hits() < wanted.hits) storm.broken.push(`${storm.hits()} kills hit work in flight, ${wanted.hits} are needed for a proof`);
  storm.broken.push(...(await stage.close()));
  for (const line of storm.broken) console.log(`BROKEN: ${line}`);
  if (storm.broken.length === 0) {
    console.log('every promise was kept');
    if (!wanted.keep) stage.remove();
  }
  process.exit(storm.broken.length === 0 ? 0 : 1);
}

main();
