// How the workbooks here were made: `npm install xlsx@0.18.5 exceljs@4.4.0`, then `TZ=Asia/Shanghai node make.mjs`.
// They are kept as they came: what the tests read has to be what these programs write.
import fs from "node:fs";
import * as XLSX from "xlsx";
import ExcelJS from "exceljs";

const headers = [
  "序号", "姓名", "身份证号码", "毕业院校", "学历", "毕业日期", "离校日期", "就业状态", "手机号码", "行政区划",
];
const people = [
  ["刘佳怡", "340102200301010003", "安徽大学", "大学本科", new Date(2024, 5, 30), new Date(2024, 6, 1), "未就业", "15400000000", "340102"],
  ["郑若阳", "340103200306010009", "合肥学院", "大专", new Date(2024, 6, 1), new Date(2024, 6, 1), "待业", "15400000037", "合肥市庐阳区"],
];
const rows = people.map((person, at) => [at + 1, ...person]);

const write = (name, sheet, options) => {
  const book = XLSX.utils.book_new();
  XLSX.utils.book_append_sheet(book, sheet, "名单");
  fs.writeFileSync(name, XLSX.write(book, { type: "buffer", ...options }));
};
// Numbers of days with a date format: SheetJS counts them in local time, 43 seconds short of midnight.
write("sheetjs_serials.xlsx", XLSX.utils.aoa_to_sheet([headers, ...rows]), { bookType: "xlsx" });
// Cells of the type "d": moments in UTC.
write("sheetjs_moments.xlsx", XLSX.utils.aoa_to_sheet([headers, ...rows], { cellDates: true }), { bookType: "xlsx", cellDates: true });
write("sheetjs_texts.csv", XLSX.utils.aoa_to_sheet([headers, ...rows], { dateNF: "yyyy/m/d" }), { bookType: "csv" });
write("sheetjs_utf16.txt", XLSX.utils.aoa_to_sheet([headers, ...rows], { dateNF: "yyyy-mm-dd" }), { bookType: "txt" });

const book = new ExcelJS.Workbook();
const sheet = book.addWorksheet("名单");
sheet.addRow(["毕业生名单"]);
sheet.addRow(headers);
rows.forEach((row) => sheet.addRow(row));
// A formula that nobody computed: exceljs writes it without a result.
sheet.addRow([3, { formula: 'CONCATENATE("王","五")' }, "340104200310300005", "安徽大学", "博士研究生", "2024-06-30", "2024-07-01", "失业", "15400000074", "340104"]);
await book.xlsx.writeFile("exceljs.xlsx");
