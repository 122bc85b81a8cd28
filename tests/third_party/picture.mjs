// Replaces screenshots, whose paths are the arguments, by PNG files with a palette of 256 colours: a third of the size of those that a
// browser makes.

import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLOURS = 256;

/** Returns the chunks of a PNG file (RFC 2083 §3.2). */
function chunks(png) {
  const found = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    found.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return found;
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [toLeft, toAbove, toCorner] = [left, above, corner].map((value) => Math.abs(guess - value));
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Returns the width, the height and the colours of the pixels of a PNG file with 8 bits a channel, whose alpha is ignored. */
function decode(png) {
  const parts = chunks(png);
  const header = parts[0].data;
  const [width, height, channels] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
  const lines = inflateSync(Buffer.concat(parts.filter(({ type }) => type === "IDAT").map(({ data }) => data)));
  const stride = width * channels;
  const bytes = Buffer.alloc(stride * height);
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const filter = lines[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const left = x >= channels ? bytes[at - channels] : 0;
      const above = y > 0 ? bytes[at - stride] : 0;
      const corner = x >= channels && y > 0 ? bytes[at - stride - channels] : 0;
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
      bytes[at] = lines[y * (stride + 1) + 1 + x] + predicted;
    }
    for (let x = 0; x < width; x += 1) {
      const at = y * stride + x * channels;
      pixels[y * width + x] = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    }
  }
  return { width, height, pixels };
}

const channels = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** Returns the most frequent colours, of which no two are almost the same. */
function palette(pixels) {
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const chosen = new Map();
  for (const [colour] of [...counts].sort(([, a], [, b]) => b - a)) {
    const alike = channels(colour).map((channel) => channel >> 3).join();
    if (chosen.size < COLOURS && !chosen.has(alike)) chosen.set(alike, colour);
  }
  return [...chosen.values()];
}

function nearest(colours, wanted) {
  const target = channels(wanted);
  const distance = (colour) => channels(colour).reduce((total, channel, index) => total + (channel - target[index]) ** 2, 0);
  const distances = colours.map(distance);
  return distances.indexOf(Math.min(...distances));
}

function rewrite(path) {
  const { width, height, pixels } = decode(readFileSync(path));
  const colours = palette(pixels);
  const indexes = new Map();
  const lines = Buffer.alloc((width + 1) * height);
  pixels.forEach((colour, at) => {
    if (!indexes.has(colour)) indexes.set(colour, nearest(colours, colour));
    lines[at + Math.floor(at / width) + 1] = indexes.get(colour);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits a pixel, which is an index into the palette.
  header.set([8, 3, 0, 0, 0], 8);
  writeFileSync(path, Buffer.concat([
    SIGNATURE, chunk("IHDR", header), chunk("PLTE", Buffer.from(colours.flatMap(channels))),
    chunk("IDAT", deflateSync(lines, { level: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]));
}

for (const path of process.argv[1] === "--" ? process.argv.slice(2) : process.argv.slice(1)) rewrite(path);
