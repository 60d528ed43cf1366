// MQTT.js at doors that open or do not: attempts as JSON lines on standard input, for each a JSON text that says how it went:
// "in" after a message to itself, "refused: ..." by a CONNACK, or "failed: ..." before one.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../build/node/", import.meta.url));
const mqtt = require("mqtt");
const PATIENCE_MS = 10000;

async function outcome({ url, ca, certificate, key, verify, user, password }) {
  const options = { reconnectPeriod: 0, connectTimeout: PATIENCE_MS, username: user, password };
  if (ca) options.ca = readFileSync(ca);
  if (certificate) Object.assign(options, { cert: readFileSync(certificate), key: readFileSync(key) });
  if (!verify) options.rejectUnauthorized = false;
  const client = mqtt.connect(url, options);
  try {
    return await new Promise((resolve) => {
      client.on("connect", () => client.subscribe("door", () => client.publish("door", "knock")));
      client.on("message", () => resolve("in"));
      client.on("error", (error) => resolve(`${error.code === 4 || error.code === 5 ? "refused" : "failed"}: ${error}`));
      client.on("close", () => setTimeout(() => resolve("failed: closed"), 100)); // an error says more, and may come later
      setTimeout(() => resolve("no answer"), PATIENCE_MS);
    });
  } finally {
    client.end(true);
  }
}

const attempts = readFileSync(0, "utf8").trim().split("\n");
for (const attempt of attempts) console.log(JSON.stringify(await outcome(JSON.parse(attempt))));
process.exit(0);
