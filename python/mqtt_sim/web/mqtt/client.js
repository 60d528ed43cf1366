// The client: requests in order, acknowledgements, keep alive, reconnection. Events, as in MQTT.js: connect, reconnect,
// message(topic, payload, packet), close, disconnect(packet), offline, error, end, packetsend, packetreceive.
// Made by connect(); one WebSocket at a time, everything on the page's thread.
import { ProtocolError } from "./bytes.js";
import { Emitter } from "./emitter.js";
import { Framer } from "./framer.js";
import { encode } from "./packet.js";
import { mayHelpToTryAgain, reasonError, TAKEN_OVER } from "./reason.js";
import { Session } from "./session.js";
import { filterProblem, isTopicName, toSubscriptions } from "./topic.js";

// The browser's own buffer of unsent bytes above which messages wait here, and how often we look again.
const BUFFER_LIMIT = 4 * 1024 * 1024;
const BUFFER_POLL_MS = 20;
const PACKET_LIMIT = 268_435_460;

export class Client extends Emitter {
  connected = false;
  reconnecting = false;
  disconnecting = false;
  disconnected = false;

  #socket = null;
  #version = 4;
  #framer = null;
  #session = new Session();
  #queue = [];
  #limits = {};
  #aliases = new Map();
  #attempts = 0;
  #isOffline = false;
  #mayRetry = true;
  #awaitsPong = false;
  #timers = {};
  #farewell = {};
  #whenEnded = [];

  constructor(options) {
    super();
    this.options = options;
    this.#open();
  }

  publish(topic, message, options, callback) {
    if (typeof options === "function") [options, callback] = [{}, options];
    const { qos = 0, retain = false, properties } = options ?? {};
    if (!isTopicName(topic) && !(topic === "" && properties?.topicAlias))
      return this.#refuse(new Error(`"${topic}" is no topic name`), callback); // [MQTT-3.3.2-2]
    return this.#request({ cmd: "publish", topic, payload: message, qos, retain, properties }, callback);
  }

  // callback(error, granted, packet); granted is [{ topic, qos }] in the order asked, 128 or more where it was refused.
  subscribe(topic, options, callback) {
    if (typeof options === "function") [options, callback] = [{}, options];
    const subscriptions = toSubscriptions(topic, options);
    const problem = filterProblem(subscriptions.map((each) => each.topic));
    if (problem) return this.#refuse(problem, callback);
    return this.#request({ cmd: "subscribe", subscriptions, properties: options?.properties }, callback);
  }

  unsubscribe(topic, options, callback) {
    if (typeof options === "function") [options, callback] = [{}, options];
    const unsubscriptions = [topic].flat();
    const problem = filterProblem(unsubscriptions);
    if (problem) return this.#refuse(problem, callback);
    return this.#request({ cmd: "unsubscribe", unsubscriptions, properties: options?.properties }, callback);
  }

  // Says goodbye and stays away. Unless forced, first waits for what was asked before, at most `connectTimeout`.
  end(force, options, callback) {
    if (typeof force === "function") [force, options, callback] = [false, {}, force];
    if (typeof options === "function") [options, callback] = [{}, options];
    if (this.disconnected) {
      if (callback) queueMicrotask(callback);
      return this;
    }
    if (callback) this.#whenEnded.push(callback);
    this.disconnecting = true;
    this.#farewell = options;
    this.#clear("reconnect");
    const mayWait = force !== true && this.#socket && !this.#isIdle();
    this.#set("end", mayWait ? this.options.connectTimeout : 0, () => this.#leave());
    return this;
  }

  // Tries at once instead of when the time comes; after end() or a refusal, starts anew.
  reconnect() {
    if (this.#socket) return this;
    this.disconnecting = this.disconnected = false;
    this.#mayRetry = true;
    this.#retry();
    return this;
  }

  // ---- requests

  #request(packet, callback) {
    if (this.disconnecting || this.disconnected) return this.#refuse(new Error("the client has ended"), callback);
    if (this.#queue.length >= this.options.queueLimit)
      return this.#refuse(new Error(`${this.#queue.length} requests wait already (queueLimit)`), callback);
    this.#queue.push({ packet, callback });
    this.#flush();
    return this;
  }

  #refuse(error, callback) {
    queueMicrotask(() => (callback ? callback(error) : this.emit("error", error)));
    return this;
  }

  #flush() {
    while (this.connected && this.#queue.length && !this.#mustWait(this.#queue[0].packet))
      this.#transmit(this.#queue.shift());
    if (this.disconnecting && this.#isIdle()) this.#set("end", 0, () => this.#leave());
  }

  #isIdle() {
    return !this.#queue.length && !this.#session.inflight.size;
  }

  #mustWait(packet) {
    if (this.#socket.bufferedAmount > BUFFER_LIMIT) {
      this.#set("flush", BUFFER_POLL_MS, () => this.#flush());
      return true;
    }
    if (packet.cmd !== "publish") return this.#session.isFull;
    return packet.qos > 0 && this.#session.published >= this.#limits.receiveMaximum; // [MQTT-3.3.4-9]
  }

  #transmit(entry) {
    const { packet, callback } = entry;
    const isKept = packet.cmd !== "publish" || packet.qos > 0;
    if (isKept) this.#session.add(entry);
    const problem = this.#send(packet);
    if (problem && isKept) this.#session.finish(packet.messageId, packet.cmd);
    if (problem) return this.#refuse(problem, callback);
    if (!isKept && callback) queueMicrotask(() => callback(null, packet));
    if (packet.cmd === "unsubscribe") packet.unsubscriptions.forEach((each) => this.#session.subscriptions.delete(each));
  }

  // The reason why it cannot be sent, if there is one.
  #send(packet) {
    if (packet.cmd === "publish") {
      const { maximumQoS, retainAvailable } = this.#limits;
      if (packet.qos > maximumQoS) return new Error(`the server takes no QoS ${packet.qos}`); // [MQTT-3.2.2-11]
      if (packet.retain && !retainAvailable) return new Error("the server retains nothing"); // [MQTT-3.2.2-14]
    }
    let bytes;
    try {
      bytes = encode(packet, this.#version);
    } catch (error) {
      return error;
    }
    if (bytes.length > this.#limits.maximumPacketSize) return new Error("larger than the server takes"); // [MQTT-3.2.2-15]
    this.#socket.send(bytes);
    this.emit("packetsend", packet);
    if (this.connected && !this.#awaitsPong) this.#schedulePing();
    return undefined;
  }

  // ---- the connection

  #open() {
    const { options } = this;
    const version = (this.#version = options.protocolVersion);
    this.#limits = { receiveMaximum: 65535, maximumQoS: 2, retainAvailable: true, maximumPacketSize: PACKET_LIMIT };
    this.#framer = new Framer(version, options.properties?.maximumPacketSize ?? PACKET_LIMIT); // [MQTT-3.1.2-24]
    this.#aliases.clear();
    this.#set("connect", options.connectTimeout, () => this.#drop(new Error("no answer in time (connectTimeout)")));
    try {
      const protocol = version === 3 ? "mqttv3.1" : "mqtt"; // [MQTT-6.0.0-3]
      this.#attach(options.createWebsocket?.(options.url, [protocol], options) ?? new WebSocket(options.url, protocol));
    } catch (error) {
      this.#set("connect", 0, () => this.#drop(error));
    }
  }

  #attach(socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#greet();
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onerror = () => {};
    socket.onclose = () => this.#drop(this.connected ? null : new Error(`no connection to ${this.options.url}`));
  }

  #greet() {
    const problem = this.#send({ ...this.options, cmd: "connect" });
    if (problem) this.#drop(problem);
  }

  #receive(data) {
    const socket = this.#socket;
    try {
      if (typeof data === "string") throw new ProtocolError("a text frame"); // [MQTT-6.0.0-1]
      for (const packet of this.#framer.push(new Uint8Array(data))) {
        this.#handle(packet);
        if (this.#socket !== socket) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (this.connected && this.#version === 5) this.#send({ cmd: "disconnect", reasonCode: error.code });
      this.#drop(error);
    }
  }

  // The connection is over, for whichever reason; an error is told.
  #drop(error) {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    socket?.close();
    this.connected = false;
    this.#clear("connect", "ping", "flush");
    if (error) this.emit("error", error);
    if (!this.#isOffline && !this.disconnecting) {
      this.#isOffline = true;
      this.emit("offline");
    }
    this.emit("close");
    if (this.disconnecting) this.#finishEnd();
    else if (this.#mayRetry && this.options.reconnectPeriod > 0 && !this.#socket) this.#scheduleRetry();
  }

  #scheduleRetry() {
    const { reconnectPeriod, reconnectBackoff, reconnectPeriodMax } = this.options;
    const delay = reconnectPeriod * reconnectBackoff ** this.#attempts++;
    this.#set("reconnect", Math.min(delay, reconnectPeriodMax), () => this.#retry());
  }

  #retry() {
    this.#clear("reconnect");
    this.reconnecting = true;
    this.emit("reconnect");
    if (!this.disconnecting) this.#open();
  }

  #leave() {
    if (this.connected) this.#send({ ...this.#farewell, cmd: "disconnect" });
    if (this.#socket) this.#drop(null);
    else this.#finishEnd();
  }

  #finishEnd() {
    if (this.disconnected) return;
    this.disconnected = true;
    this.#clear(...Object.keys(this.#timers));
    const ended = new Error("the client has ended");
    for (const { callback } of [...this.#session.abandon(), ...this.#queue.splice(0)]) callback?.(ended);
    this.emit("end");
    for (const callback of this.#whenEnded.splice(0)) callback();
  }

  // ---- packets from the server

  #handle(packet) {
    this.emit("packetreceive", packet);
    if (!this.connected) {
      if (packet.cmd !== "connack") throw new ProtocolError(`${packet.cmd} before CONNACK`, 0x82); // [MQTT-3.2.0-1]
      return this.#handleConnack(packet);
    }
    switch (packet.cmd) {
      case "publish": return this.#handlePublish(packet);
      case "puback":
      case "pubcomp": return this.#settle(packet, "publish");
      case "pubrec": return this.#handlePubrec(packet);
      case "pubrel": return this.#handlePubrel(packet);
      case "suback": return this.#handleSuback(packet);
      case "unsuback": return this.#settle(packet, "unsubscribe");
      case "pingresp": return void (this.#awaitsPong = false);
      case "disconnect": return this.#handleDisconnect(packet);
      default: throw new ProtocolError(`a second ${packet.cmd}`, 0x82); // [MQTT-3.2.0-2]
    }
  }

  #handleConnack(packet) {
    const { reasonCode, properties = {} } = packet;
    if (reasonCode !== 0) {
      this.#mayRetry = mayHelpToTryAgain(reasonCode) || this.options.reconnectOnConnackError === true;
      return this.#drop(reasonError("connection refused", reasonCode, properties));
    }
    this.#clear("connect");
    for (const name of Object.keys(this.#limits)) this.#limits[name] = properties[name] ?? this.#limits[name];
    this.options.clientId = properties.assignedClientIdentifier ?? this.options.clientId;
    this.options.keepalive = properties.serverKeepAlive ?? this.options.keepalive; // [MQTT-3.2.2-21]
    this.connected = true;
    this.reconnecting = this.#isOffline = this.#awaitsPong = false;
    this.#attempts = 0;
    this.#schedulePing();
    this.#resume(packet.sessionPresent);
    this.#flush();
    this.emit("connect", packet);
  }

  #resume(sessionPresent) {
    const again = this.#session.resume(sessionPresent);
    const subscriptions = [...this.#session.subscriptions.values()];
    if (!sessionPresent && subscriptions.length && this.options.resubscribe !== false)
      this.#transmit({ packet: { cmd: "subscribe", subscriptions }, isRenewal: true });
    for (const { packet, isReleased } of again)
      this.#send(isReleased ? { cmd: "pubrel", messageId: packet.messageId } : packet);
  }

  #handlePublish(packet) {
    const alias = packet.properties?.topicAlias;
    if (alias !== undefined) {
      const most = this.options.properties?.topicAliasMaximum ?? 0;
      if (alias === 0 || alias > most) throw new ProtocolError(`topic alias ${alias}`, 0x94); // [MQTT-3.1.2-26]
      if (packet.topic) this.#aliases.set(alias, packet.topic);
      else packet.topic = this.#aliases.get(alias) ?? "";
    }
    if (!packet.topic) throw new ProtocolError("a message without a topic", 0x82);
    const { qos, messageId } = packet;
    const isNew = qos < 2 || !this.#session.received.has(messageId);
    if (qos === 2) this.#session.received.add(messageId); // [MQTT-4.3.3-10]
    // Answered first: the listener may end the client. [MQTT-4.3.2-4] [MQTT-4.3.3-8]
    if (qos > 0) this.#send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
    if (isNew) this.emit("message", packet.topic, packet.payload, packet);
  }

  #handlePubrel({ messageId }) {
    const isKnown = this.#session.received.delete(messageId);
    this.#send({ cmd: "pubcomp", messageId, reasonCode: isKnown ? 0 : 0x92 }); // [MQTT-4.3.3-11]
  }

  #handlePubrec(packet) {
    const entry = this.#session.inflight.get(packet.messageId);
    if (packet.reasonCode >= 0x80) return this.#settle(packet, "publish"); // [MQTT-4.3.3-4]
    if (entry) entry.isReleased = true;
    this.#send({ cmd: "pubrel", messageId: packet.messageId, reasonCode: entry ? 0 : 0x92 });
  }

  #handleSuback(packet) {
    const entry = this.#session.finish(packet.messageId, "subscribe");
    if (!entry) return;
    const asked = entry.packet.subscriptions;
    const granted = asked.map(({ topic }, i) => ({ topic, qos: packet.granted[i] ?? 0x80 }));
    granted.forEach(({ topic, qos }, i) => {
      if (qos < 0x80) this.#session.subscriptions.set(topic, asked[i]);
      else this.#session.subscriptions.delete(topic);
    });
    const refused = granted.find(({ qos }) => qos >= 0x80);
    this.#answer(entry.callback, refused && reasonError(`${refused.topic} refused`, refused.qos), granted, packet);
    this.#flush();
  }

  #settle(packet, cmd) {
    const entry = this.#session.finish(packet.messageId, cmd);
    if (!entry) return;
    const code = packet.reasonCode ?? 0;
    this.#answer(entry.callback, code >= 0x80 && reasonError("refused", code, packet.properties), packet);
    this.#flush();
  }

  #answer(callback, error, ...values) {
    if (callback) queueMicrotask(() => callback(error || null, ...values));
  }

  #handleDisconnect(packet) {
    this.emit("disconnect", packet);
    // Whoever took the session over would lose it to us again, and so on.
    if (packet.reasonCode === TAKEN_OVER) this.#mayRetry = false;
    this.#drop(null);
  }

  // ---- time

  #schedulePing() {
    if (this.options.keepalive > 0) this.#set("ping", this.options.keepalive * 1000, () => this.#ping()); // [MQTT-3.1.2-20]
  }

  #ping() {
    if (this.#awaitsPong) return this.#drop(new Error("no answer to a ping (keepalive)"));
    this.#schedulePing();
    this.#awaitsPong = true;
    this.#send({ cmd: "pingreq" });
  }

  #set(name, delay, action) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(action, delay);
  }

  #clear(...names) {
    for (const name of names) clearTimeout(this.#timers[name]);
  }
}
