import { measure } from "./cpu.ts";
const { micros, ratios } = await measure();
for (const [name, { median, min, max }] of Object.entries(micros)) console.log(`${name.padEnd(40)} ${median.toFixed(0).padStart(5)} us  (${min.toFixed(0)} to ${max.toFixed(0)})`);
for (const [name, { median, min, max }] of Object.entries(ratios)) console.log(`${name.padEnd(40)} ${median.toFixed(2).padStart(5)}  (${min.toFixed(2)} to ${max.toFixed(2)})`);
