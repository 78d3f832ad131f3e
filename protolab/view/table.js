// What is known of a capture's rows: columns that came with the widget, and what was asked for since.

import { Cache, bytes } from "./common.js";

const SAID = 4000; // lines of the ladder that are remembered
const NONE = -1;

// The bits of a row's side, and of its flags (columns.py).
export const SERVER = 1, UNFINISHED = 2, END = 4;
export const FINDINGS = 1, DISCARDS = 2;

export class Table {
  constructor(model) {
    const facts = model.get("facts");
    this.version = model.get("version");
    this.logical = facts.logical;
    this.connections = facts.connections;
    this.kinds = facts.kinds;
    this.sides = bytes(model.get("sides"));
    this.sizes = new Uint32Array(aligned(model.get("sizes")));
    this.owners = new Uint16Array(aligned(model.get("owners")));
    this.times = new Float64Array(aligned(model.get("times")));
    const count = this.count = this.sides.length;
    this.numbers = new Uint32Array(count); // which unit of its conversation a row is
    this.steps = new Uint32Array(count);
    this.kind = new Int16Array(count).fill(NONE);
    this.flags = new Uint8Array(count);
    this.lanes = new Int32Array(count).fill(NONE);
    this.rowsOf = this.connections.map(() => []); // for each conversation, the rows of its units
    const steps = this.connections.map(() => 0);
    for (let row = 0; row < count; row++) {
      const owner = this.owner(row);
      this.steps[row] = ++steps[owner];
      if (!this.end(row)) this.numbers[row] = this.rowsOf[owner].push(row) - 1;
    }
    this.units = this.rowsOf.reduce((sum, rows) => sum + rows.length, 0);
    this.surveyed = this.findings = this.discards = 0;
    this.streams = new Map(); // "owner/lane" -> its name
    this.follows = this.connections.length > 1 ? "conn." : "";
    this.lines = new Cache(SAID);
    for (const line of facts.rows) this.lines.set(line.row, line);
  }

  owner(row) { return this.owners.length ? this.owners[row] : 0; }
  server(row) { return (this.sides[row] & SERVER) !== 0; }
  end(row) { return (this.sides[row] & END) !== 0; }
  said(row) { return this.lines.get(row); }

  /** The step in a logical capture, else the time in seconds. */
  when(row) { return this.logical ? this.steps[row] : this.times[row].toFixed(4); }

  /** The connection, where there are several, and the stream, where there are such. */
  stream(row, said) {
    const lane = this.lanes[row] >= 0 ? this.lanes[row] : said ? said.lane : NONE;
    const parts = this.connections.length > 1 ? [`${this.owner(row) + 1}`] : [];
    return [...parts, ...(lane >= 0 ? [lane] : [])].join("/");
  }

  /** Take in what a survey tells of units `first`... of one conversation; whether streams were seen for the first time. */
  learn(owner, first, count, [kinds, flags, lanes]) {
    const rows = this.rowsOf[owner], known = this.streams.size;
    const lane = new Int32Array(aligned(lanes)), [kind, flag] = [bytes(kinds), bytes(flags)];
    for (let i = 0; i < count; i++) {
      const row = rows[first + i];
      this.kind[row] = kind[i];
      this.flags[row] = flag[i];
      this.lanes[row] = lane[i];
      this.findings += (flag[i] & FINDINGS) !== 0;
      this.discards += (flag[i] & DISCARDS) !== 0;
      if (lane[i] >= 0) this.streams.set(`${owner}/${lane[i]}`, this.stream(row));
    }
    this.surveyed += count;
    if (!this.follows && this.streams.size) this.follows = "stream";
    return this.streams.size > known;
  }

  /** The rows that a filter lets through. */
  filter({ side, kind, follow, odd, hits }) {
    const [owner, lane] = follow ? follow.split("/") : [];
    const shown = new Uint32Array(this.count);
    let length = 0;
    for (let row = 0; row < this.count; row++) {
      if (side !== "" && this.server(row) !== (side === "server")) continue;
      if (kind !== "" && this.kind[row] !== Number(kind)) continue;
      if (owner !== undefined && this.owner(row) !== Number(owner)) continue;
      if (lane !== undefined && this.lanes[row] !== Number(lane)) continue;
      if (odd && !this.flags[row] && !(this.sides[row] & UNFINISHED)) continue;
      if (hits && !hits[row]) continue;
      shown[length++] = row;
    }
    return shown.slice(0, length);
  }
}

/** A copy of a DataView's bytes that begins where typed arrays want it to. */
const aligned = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
