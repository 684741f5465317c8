// Notes in one JSON file, driven by JSON lines on standard input and output.
//
//     node notes.js               written beside, synced, renamed, and the directory synced
//     node notes.js unsynced      fs.writeFileSync and fs.renameSync, and nothing more

"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");

const synced = process.argv[2] !== "unsynced";
let directory = "";
let notes = {};

const file = () => path.join(directory, "notes.json");

// What could not be saved is not shown either: `notes` changes last.
function save(changed) {
  const beside = file() + ".new";
  fs.writeFileSync(beside, JSON.stringify(changed), { flush: false });
  if (synced) sync(beside);
  fs.renameSync(beside, file());
  notes = changed;
  if (synced) syncOrEnd(directory);
}

// It is renamed, and may or may not stay so: that is for the next process to find out.
function syncOrEnd(name) {
  try {
    sync(name);
  } catch (error) {
    process.abort();
  }
}

function sync(name) {
  const descriptor = fs.openSync(name, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}

const requests = {
  open(asked) {
    directory = asked.directory;
    fs.rmSync(file() + ".new", { force: true });
    notes = fs.existsSync(file()) ? JSON.parse(fs.readFileSync(file(), "utf8")) : {};
    return { reopens: true };
  },
  put({ arguments: { key, value } }) {
    save({ ...notes, [key]: value });
  },
  delete({ arguments: { key } }) {
    const { [key]: gone, ...others } = notes;
    save(others);
  },
  observe: () => notes,
  close() {},
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  let answer;
  try {
    const result = requests[asked.do](asked);
    answer = { ok: result === undefined ? null : result };
  } catch (error) {
    answer = { error: String(error) };
  }
  fs.writeSync(1, JSON.stringify(answer) + "\n");
});
