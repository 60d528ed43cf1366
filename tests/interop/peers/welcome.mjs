// MQTT.js leaves a retained message at one URL and reads it at another: node welcome.mjs PUBLISH_URL SUBSCRIBE_URL CA
// Prints what came as a line of JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const mqtt = createRequire(new URL("../../../build/node/", import.meta.url))("mqtt");
const [publishUrl, subscribeUrl, ca] = process.argv.slice(2);
const options = { ca: readFileSync(ca), reconnectPeriod: 0, connectTimeout: 10000 };

const host = await mqtt.connectAsync(publishUrl, options);
await host.publishAsync("welcome", "hello, whoever comes", { qos: 1, retain: true });
await host.endAsync();

const guest = await mqtt.connectAsync(subscribeUrl, options);
guest.on("message", (topic, payload, { qos, retain }) => {
  console.log(JSON.stringify({ topic, payload: String(payload), qos, retain }));
  guest.end();
});
await guest.subscribeAsync("welcome", { qos: 1 });
