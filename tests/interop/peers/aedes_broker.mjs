// aedes as a broker on four listeners: node aedes_broker.mjs CERTIFICATE KEY
// Prints the ports as a line of JSON once they are open; ends with its standard input.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import net from "node:net";
import tls from "node:tls";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../../build/node/", import.meta.url));
const { Aedes } = await import(pathToFileURL(require.resolve("aedes")));
const { WebSocketServer, createWebSocketStream } = require("ws");

const [certificate, key] = process.argv.slice(2).map((file) => readFileSync(file));
const identity = { cert: certificate, key };
const broker = await Aedes.createBroker({ concurrency: 1000, queueLimit: 10000 });

function withWebSocket(server) {
  const choose = (offered) => ["mqtt", "mqttv3.1"].find((name) => offered.has(name)) ?? false;
  const webSockets = new WebSocketServer({ server, handleProtocols: choose });
  webSockets.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
  return server;
}

function listen(server) {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", 1024, () => resolve(server.address().port)));
}

const ports = {
  tcp: await listen(net.createServer({ noDelay: true }, broker.handle)),
  tls: await listen(tls.createServer({ ...identity, noDelay: true }, broker.handle)),
  ws: await listen(withWebSocket(http.createServer({ noDelay: true }))),
  wss: await listen(withWebSocket(https.createServer({ ...identity, noDelay: true }))),
};
console.log(JSON.stringify(ports));
process.stdin.on("end", () => process.exit(0)).resume();
