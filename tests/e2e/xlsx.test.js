'use strict';
// A list as Excel has it: workbooks by SheetJS (npm's xlsx), from the check to the phone.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const XLSX = require('xlsx');
const { journey, inDays } = require('./lib/stage');

const campaign = (audience) => `campaign = { id = "fair"; class = "personal"; title = "招聘会";
  event = { starts = "${inDays(7, '09:00')}"; }; audience = ${audience};
  texts = { zh = "{{name|居民}}您好，{{岗位|岗位}}招聘会。"; }; reminders = ( { name = "now"; at = "now"; } ); };\n`;

/** Sheets as { name: rows }, merges over the first row of each where it has one cell. */
function workbook(s, file, sheets) {
  const book = XLSX.utils.book_new();
  for (const [name, rows] of Object.entries(sheets)) {
    const sheet = XLSX.utils.aoa_to_sheet(rows);
    if (rows[0]?.length === 1) sheet['!merges'] = [{ s: { r: 0, c: 0 }, e: { r: 0, c: 3 } }];
    XLSX.utils.book_append_sheet(book, sheet, name);
  }
  XLSX.writeFile(book, s.path(file), { bookSST: true });
}

const PEOPLE = [
  ['鼓楼区2027年春季招聘会名单'],
  [],
  ['姓名', '手机号', '岗位', '备注'],
  ['王秀英', 13851401000, '家政', new Date()],
  ['李桂芳', '138 5140 1001', '插花', ''],
  ['张敏', 1.385e10, '', ''],
  ['陈洁', '025-83241001', '', ''],
];

journey('a workbook as an office has it becomes notices: title, numbers as numbers, an empty sheet beside', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  workbook(s, 'list.xlsx', { 名单: PEOPLE, Sheet2: [] });
  const conf = s.write('fair.conf', campaign('{ file = "list.xlsx"; }'));
  const { out } = await s.ok('check', conf);
  assert.match(out, /3 taken, 0 merged, 1 refused of 4 rows/);
  assert.match(out, /row 7 not taken: 手机号: a landline/, 'by its row in the sheet');
  assert.doesNotMatch(out, /fields/, 'a cell where nothing stands is no missing one');
  await s.ok('queue', conf);
  await s.settled('fair', 'now', 60000);
  assert.deepEqual(smsc.textsFor('+8613851401000'), ['【鼓楼区妇联】王秀英您好，家政招聘会。']);
  assert.deepEqual(smsc.textsFor('+8613851401001'), ['【鼓楼区妇联】李桂芳您好，插花招聘会。']);
});

journey('of several sheets one must be named, and the error names them', async (s) => {
  const north = [['姓名', '手机号', '岗位'], ['王秀英', 13851401000]];
  workbook(s, 'list.xlsx', { 城南: [['姓名', '手机号', '岗位'], ['李桂芳', 13851401001]], 城北: north });
  let r = await s.outreach('check', s.write('fair.conf', campaign('{ file = "list.xlsx"; }')));
  assert.equal(r.code, 65);
  assert.match(r.err, /several sheets hold something \(城南, 城北\): say which/);
  r = await s.outreach('check', s.write('fair.conf', campaign('{ file = "list.xlsx"; sheet = "城东"; }')));
  assert.equal(r.code, 65);
  assert.match(r.err, /no sheet "城东"; its sheets are 城南, 城北/);
  r = await s.ok('check', s.write('fair.conf', campaign('{ file = "list.xlsx"; sheet = "城北"; }')));
  assert.match(r.out, /王秀英/);
  assert.doesNotMatch(r.out, /李桂芳/);
});

journey('the old .xls, a workbook with a password, and half a file are refused with what to do', async (s) => {
  const book = XLSX.utils.book_new();
  XLSX.utils.book_append_sheet(book, XLSX.utils.aoa_to_sheet([['姓名', '手机号'], ['王', 13851401000]]), 'a');
  XLSX.writeFile(book, s.path('old.xls'), { bookType: 'biff8' });
  XLSX.writeFile(book, s.path('new.xlsx'));
  fs.writeFileSync(s.path('half.xlsx'), fs.readFileSync(s.path('new.xlsx')).subarray(0, 4000));
  for (const [file, words] of [['old.xls', /old Excel workbook \(\.xls\), or has a password: save it as \.xlsx/], ['half.xlsx', /no Excel workbook, or a damaged one/]]) {
    const r = await s.outreach('check', s.write('fair.conf', campaign(`{ file = "${file}"; }`)));
    assert.equal(r.code, 65, r.all);
    assert.match(r.err, words);
    assert.match(r.err, new RegExp(file));
  }
});
