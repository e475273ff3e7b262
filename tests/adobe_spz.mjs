// Reads an .spz to JSON, or writes one from it, by the reference library. node adobe_spz.mjs FOLDER read|write FROM TO
import fs from "fs";
import { pathToFileURL } from "url";

const [folder, mode, from, to] = process.argv.slice(2);
const { default: load } = await import(pathToFileURL(`${folder}/node_modules/@adobe/spz/dist/spz.js`));
const spz = await load();
const names = ["positions", "scales", "rotations", "alphas", "colors", "sh"];
const axes = spz.CoordinateSystem.RDF;
if (mode === "read") {
  const cloud = spz.loadSpzFromBuffer(new Uint8Array(fs.readFileSync(from)), { to: axes });
  const found = { degree: cloud.shDegree, antialiased: cloud.antialiased };
  for (const name of names) found[name] = Array.from(cloud[name]);
  fs.writeFileSync(to, JSON.stringify(found));
} else {
  const given = JSON.parse(fs.readFileSync(from));
  const cloud = { numPoints: given.alphas.length, shDegree: given.degree, antialiased: false, extensions: [] };
  for (const name of names) cloud[name] = new Float32Array(given[name]);
  const options = { version: given.version, from: axes, sh1Bits: 5, shRestBits: 4 };
  fs.writeFileSync(to, spz.saveSpzToBuffer(cloud, options));
}
