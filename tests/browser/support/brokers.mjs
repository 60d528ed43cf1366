// Brokers with a WebSocket listener, and a WebSocket for Node where it has none of its own (npm's ws, put into
// build/node by the set-up of the tests). Each is { url, stop(), start(), close() }; ports stay the same over a restart.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export function installWebSocket() {
  if (globalThis.WebSocket) return;
  const folder = fileURLToPath(new URL("../../../build/node/", import.meta.url));
  globalThis.WebSocket = createRequire(folder)("ws");
}

export async function startEmbedded() {
  const port = await freePort();
  const program = fileURLToPath(new URL("../../../.venv/bin/mqtt-sim", import.meta.url));
  return run(port, process.env.MQTT_SIM ?? program, ["broker", "--port", String(port)], () => {});
}

export async function startMosquitto() {
  const [plain, web] = [await freePort(), await freePort()];
  const folder = mkdtempSync(path.join(tmpdir(), "mosquitto-"));
  // Version 2.0.11 wants a listener that is no WebSocket beside the one that is.
  const listeners = `listener ${plain} 127.0.0.1\nlistener ${web} 127.0.0.1\nprotocol websockets\n`;
  writeFileSync(path.join(folder, "conf"), `allow_anonymous true\nset_tcp_nodelay true\n${listeners}`);
  return run(web, "mosquitto", ["-c", path.join(folder, "conf")], () => rmSync(folder, { recursive: true }));
}

async function run(port, program, options, clean) {
  let process_;
  const broker = {
    url: `ws://127.0.0.1:${port}/`,
    async start() {
      process_ = spawn(program, options, {
        stdio: "ignore",
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` },
      });
      await new Promise((resolve, reject) => {
        process_.once("error", reject);
        process_.once("spawn", resolve);
      });
      await listening(port, process_);
    },
    async stop() {
      const ended = new Promise((resolve) => process_.once("exit", resolve));
      process_.kill();
      await ended;
    },
    async close() {
      await this.stop();
      clean();
    },
  };
  await broker.start();
  return broker;
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function listening(port, process_) {
  for (let i = 0; i < 200; i++) {
    if (process_.exitCode !== null) throw new Error("the broker ended at once");
    if (await reachable(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the broker does not listen");
}

function reachable(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
