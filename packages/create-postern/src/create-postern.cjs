#!/usr/bin/env node
// Looks at the version of Node before anything newer than it is loaded. The oldest Node must be able to read this file.
"use strict";
var version = process.versions.node.split(".").map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 12)) {
  console.error("create-postern: Node.js " + process.versions.node + " is too old: wrangler, which runs Postern on your machine, needs 22.12 or newer (https://nodejs.org)");
  process.exitCode = 1;
} else {
  import("./main.js");
}
