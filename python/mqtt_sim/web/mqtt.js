/*! A small MQTT client for pages, with the names of MQTT.js. Part of mqtt-sim, MIT licence. Made from web/mqtt by
 *  python/bundle_web.py. Loaded as a script or as a module it sets globalThis.mqtt. */
(function () {
"use strict";

// bytes.js
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const VARIABLE_INTEGER_LIMIT = 268_435_455;
class ProtocolError extends Error {
	constructor(message, code = 0x81) {
		super(message);
		this.name = "ProtocolError";
		this.code = code;
	}
}
class Payload extends Uint8Array {
	toString() {
		return lenientDecoder.decode(this);
	}
}
function toBytes(value) {
	if (typeof value !== "object" || !value) return encoder.encode(value ?? "");
	if (value instanceof Uint8Array) return value;
	return new Uint8Array(value.buffer ?? value, value.byteOffset, value.byteLength);
}
class Writer {
	bytes = [];
	u8(value) {
		this.bytes.push(value & 0xff);
		return this;
	}
	u16(value) {
		return this.u8(value >> 8).u8(value);
	}
	u32(value) {
		return this.u16(value >>> 16).u16(value);
	}
	variable(value) {
		if (value > VARIABLE_INTEGER_LIMIT) throw new RangeError("a packet too large for MQTT");
		for (; value > 127; value >>= 7) this.u8(value | 0x80);
		return this.u8(value);
	}
	raw(bytes) {
		for (const byte of bytes) this.bytes.push(byte);
		return this;
	}
	binary(value) {
		const bytes = toBytes(value);
		if (bytes.length > 0xffff) throw new RangeError("a field of more than 65,535 bytes");
		return this.u16(bytes.length).raw(bytes);
	}
	text(value) {
		return this.binary(String(value));
	}
}
class Reader {
	#bytes;
	#at = 0;
	constructor(bytes) {
		this.#bytes = bytes;
	}
	get left() {
		return this.#bytes.length - this.#at;
	}
	take(size) {
		if (size > this.left) throw new ProtocolError("a packet ends inside one of its fields");
		this.#at += size;
		return this.#bytes.subarray(this.#at - size, this.#at);
	}
	u8() {
		return this.take(1)[0];
	}
	u16() {
		return this.u8() * 256 + this.u8();
	}
	u32() {
		return this.u16() * 65536 + this.u16();
	}
	variable() {
		for (let value = 0, factor = 1; ; factor *= 128) {
			if (factor > 2097152) throw new ProtocolError("a variable byte integer too long");
			const byte = this.u8();
			value += (byte & 127) * factor;
			if (byte < 128) return value;
		}
	}
	binary() {
		return this.take(this.u16());
	}
	text() {
		let text;
		try {
			text = strictDecoder.decode(this.binary());
		} catch (error) {
			throw error instanceof ProtocolError ? error : new ProtocolError("text that is not UTF-8");
		}
		if (text.includes("\0")) throw new ProtocolError("text with a null character");
		return text;
	}
}

// emitter.js
class Emitter {
	#listeners = new Map();
	on(event, listener) {
		this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
		return this;
	}
	once(event, listener) {
		const wrapper = (...values) => {
			this.off(event, wrapper);
			listener.apply(this, values);
		};
		wrapper.listener = listener;
		return this.on(event, wrapper);
	}
	off(event, listener) {
		const others = (each) => each !== listener && each.listener !== listener;
		this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter(others));
		return this;
	}
	emit(event, ...values) {
		const listeners = this.#listeners.get(event) ?? [];
		for (const listener of listeners) {
			try {
				listener.apply(this, values);
			} catch (error) {
				setTimeout(() => {
					throw error;
				});
			}
		}
		return listeners.length > 0;
	}
	removeListener(event, listener) {
		return this.off(event, listener);
	}
}

// properties.js
const FORMS = {
	u8: {
		0x01: "payloadFormatIndicator", 0x17: "requestProblemInformation", 0x19: "requestResponseInformation",
		0x24: "maximumQoS", 0x25: "retainAvailable", 0x28: "wildcardSubscriptionAvailable",
		0x29: "subscriptionIdentifiersAvailable", 0x2a: "sharedSubscriptionAvailable",
	},
	u16: { 0x13: "serverKeepAlive", 0x21: "receiveMaximum", 0x22: "topicAliasMaximum", 0x23: "topicAlias" },
	u32: {
		0x02: "messageExpiryInterval", 0x11: "sessionExpiryInterval", 0x18: "willDelayInterval", 0x27: "maximumPacketSize",
	},
	variable: { 0x0b: "subscriptionIdentifier" },
	binary: { 0x09: "correlationData", 0x16: "authenticationData" },
	text: {
		0x03: "contentType", 0x08: "responseTopic", 0x12: "assignedClientIdentifier", 0x15: "authenticationMethod",
		0x1a: "responseInformation", 0x1c: "serverReference", 0x1f: "reasonString",
	},
};
const USER_PROPERTY = 0x26;
const PROPERTIES = new Map();
for (const [form, names] of Object.entries(FORMS))
	for (const [id, name] of Object.entries(names)) PROPERTIES.set(Number(id), { name, form });
function writeProperties(writer, properties = {}) {
	const inner = new Writer();
	for (const [id, { name, form }] of PROPERTIES)
		for (const value of [properties[name] ?? []].flat()) inner.u8(id)[form](form === "u8" ? Number(value) : value);
	for (const [name, values] of Object.entries(properties.userProperties ?? {}))
		for (const value of [values].flat()) inner.u8(USER_PROPERTY).text(name).text(value);
	writer.variable(inner.bytes.length).raw(inner.bytes);
}
function readProperties(reader) {
	const end = reader.variable();
	const properties = {};
	const stop = reader.left - end;
	if (stop < 0) throw new ProtocolError("properties longer than their packet");
	while (reader.left > stop) {
		const id = reader.variable();
		if (id === USER_PROPERTY) addUserProperty(properties, reader.text(), reader.text());
		else addProperty(properties, id, reader);
	}
	return properties;
}
function addProperty(properties, id, reader) {
	const known = PROPERTIES.get(id);
	if (!known) throw new ProtocolError(`unknown property ${id}`);
	const value = reader[known.form]();
	if (properties[known.name] === undefined) properties[known.name] = value;
	else if (known.form === "variable") properties[known.name] = [properties[known.name], value].flat();
	else throw new ProtocolError(`property ${known.name} twice`, 0x82);
}
function addUserProperty(properties, name, value) {
	const user = (properties.userProperties ??= Object.create(null));
	user[name] = name in user ? [user[name], value].flat() : value;
}

// packet.js
const NAMES = (
	"reserved connect connack publish puback pubrec pubrel pubcomp " +
	"subscribe suback unsubscribe unsuback pingreq pingresp disconnect auth"
).split(" ");
const ACKS = new Set(NAMES.slice(4, 8));
function encode(packet, version) {
	const body = new Writer();
	let flags = 0;
	let payload = new Uint8Array(0);
	if (packet.cmd === "connect") writeConnect(body, packet, version);
	else if (packet.cmd === "publish") {
		flags = ((packet.dup ? 1 : 0) << 3) | (packet.qos << 1) | (packet.retain ? 1 : 0);
		payload = toBytes(packet.payload);
		writePublish(body, packet, version);
	} else if (ACKS.has(packet.cmd)) {
		flags = packet.cmd === "pubrel" ? 2 : 0;
		body.u16(packet.messageId);
		writeReason(body, packet, version);
	} else if (packet.cmd === "subscribe" || packet.cmd === "unsubscribe") {
		flags = 2;
		writeFilters(body, packet, version);
	} else if (packet.cmd === "disconnect") writeReason(body, packet, version);
	return assemble((NAMES.indexOf(packet.cmd) << 4) | flags, body.bytes, payload);
}
function assemble(header, body, payload) {
	const start = new Writer().u8(header).variable(body.length + payload.length).bytes;
	const whole = new Uint8Array(start.length + body.length + payload.length);
	whole.set(start);
	whole.set(body, start.length);
	whole.set(payload, start.length + body.length);
	return whole;
}
function writeConnect(body, packet, version) {
	const { will, username, password } = packet;
	body.text(packet.protocolId ?? (version === 3 ? "MQIsdp" : "MQTT")).u8(version);
	const willFlags = will ? 0x04 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0;
	body.u8((username == null ? 0 : 0x80) | (password == null ? 0 : 0x40) | willFlags | (packet.clean ? 0x02 : 0));
	body.u16(packet.keepalive);
	if (version === 5) writeProperties(body, packet.properties);
	body.text(packet.clientId);
	if (will) {
		if (version === 5) writeProperties(body, will.properties);
		body.text(will.topic).binary(will.payload);
	}
	if (username != null) body.text(username);
	if (password != null) body.binary(password);
}
function writePublish(body, packet, version) {
	body.text(packet.topic);
	if (packet.qos > 0) body.u16(packet.messageId);
	if (version === 5) writeProperties(body, packet.properties);
}
function writeReason(body, packet, version) {
	if (version !== 5 || (!packet.reasonCode && !packet.properties)) return;
	body.u8(packet.reasonCode ?? 0);
	if (packet.properties) writeProperties(body, packet.properties);
}
function writeFilters(body, packet, version) {
	body.u16(packet.messageId);
	if (version === 5) writeProperties(body, packet.properties);
	if (packet.cmd === "unsubscribe") packet.unsubscriptions.forEach((filter) => body.text(filter));
	else
		for (const { topic, qos, nl, rap, rh } of packet.subscriptions)
			body.text(topic).u8(version === 5 ? qos | (nl ? 4 : 0) | (rap ? 8 : 0) | ((rh ?? 0) << 4) : qos);
}
function decode(header, bytes, version) {
	const packet = { cmd: NAMES[header >> 4] };
	const reader = new Reader(bytes);
	const flags = header & 15;
	if (packet.cmd !== "publish" && flags !== (packet.cmd === "pubrel" ? 2 : 0))
		throw new ProtocolError(`${packet.cmd} with flags ${flags}`);
	if (packet.cmd === "publish") readPublish(packet, reader, flags, version);
	else if (packet.cmd === "connack") readConnack(packet, reader, version);
	else if (packet.cmd === "suback" || packet.cmd === "unsuback") readGranted(packet, reader, version);
	else if (ACKS.has(packet.cmd) || packet.cmd === "disconnect") readReason(packet, reader, version);
	else if (packet.cmd !== "pingresp") throw new ProtocolError(`${packet.cmd} from a server`, 0x82);
	if (reader.left) throw new ProtocolError(`${packet.cmd} with ${reader.left} bytes too many`);
	return packet;
}
function readPublish(packet, reader, flags, version) {
	packet.dup = (flags & 8) !== 0;
	packet.qos = (flags >> 1) & 3;
	packet.retain = (flags & 1) !== 0;
	if (packet.qos === 3) throw new ProtocolError("quality of service 3");
	packet.topic = reader.text();
	if (/[+#]/.test(packet.topic)) throw new ProtocolError("a topic with wildcards", 0x90);
	if (packet.qos > 0) packet.messageId = readMessageId(reader);
	if (version === 5) packet.properties = readProperties(reader);
	const payload = reader.take(reader.left);
	packet.payload = new Payload(payload.buffer, payload.byteOffset, payload.length);
}
function readMessageId(reader) {
	const id = reader.u16();
	if (id === 0) throw new ProtocolError("packet identifier 0", 0x82);
	return id;
}
function readConnack(packet, reader, version) {
	packet.sessionPresent = (reader.u8() & 1) !== 0;
	packet.reasonCode = packet.returnCode = reader.u8();
	if (version === 5 && reader.left) packet.properties = readProperties(reader);
}
function readGranted(packet, reader, version) {
	packet.messageId = readMessageId(reader);
	if (version === 5) packet.properties = readProperties(reader);
	packet.granted = [...reader.take(reader.left)];
}
function readReason(packet, reader, version) {
	if (packet.cmd !== "disconnect") packet.messageId = readMessageId(reader);
	else if (version !== 5) throw new ProtocolError("DISCONNECT from a server of 3.1.1", 0x82);
	packet.reasonCode = version === 5 && reader.left ? reader.u8() : 0;
	if (version === 5 && reader.left) packet.properties = readProperties(reader);
}

// framer.js
class Framer {
	#version;
	#limit;
	#chunks = [];
	#size = 0;
	#needed = 2;
	constructor(version, limit) {
		this.#version = version;
		this.#limit = limit;
	}
	*push(bytes) {
		this.#chunks.push(bytes);
		this.#size += bytes.length;
		while (this.#size >= this.#needed) {
			const all = this.#joined();
			const frame = this.#frame(all);
			if (!frame) return;
			this.#keep(all.subarray(frame.end));
			yield decode(all[0], all.subarray(frame.start, frame.end), this.#version);
		}
	}
	#joined() {
		if (this.#chunks.length > 1) {
			const all = new Uint8Array(this.#size);
			let at = 0;
			for (const chunk of this.#chunks) {
				all.set(chunk, at);
				at += chunk.length;
			}
			this.#chunks = [all];
		}
		return this.#chunks[0];
	}
	#frame(all) {
		let length = 0;
		let start = 1;
		for (let factor = 1; ; factor *= 128) {
			if (start > 4) throw new ProtocolError("a remaining length too long");
			if (start === all.length) return void (this.#needed = all.length + 1);
			const byte = all[start++];
			length += (byte & 127) * factor;
			if (byte < 128) break;
		}
		if (start + length > this.#limit) throw new ProtocolError(`a packet of ${start + length} bytes`, 0x95);
		this.#needed = start + length;
		return this.#size < this.#needed ? undefined : { start, end: start + length };
	}
	#keep(rest) {
		this.#chunks = rest.length ? [rest] : [];
		this.#size = rest.length;
		this.#needed = 2;
	}
}

// reason.js
const TAKEN_OVER = 0x8e;
const WORDS = {
	0x80: "unspecified error", 0x81: "malformed packet", 0x82: "protocol error", 0x84: "unsupported protocol version",
	0x85: "client identifier not valid", 0x86: "bad user name or password", 0x87: "not authorized",
	0x88: "server unavailable", 0x89: "server busy", 0x8a: "banned", 0x8f: "topic filter invalid",
	0x90: "topic name invalid", 0x95: "packet too large", 0x97: "quota exceeded",
};
const BELOW_V5 = [0, 0x84, 0x85, 0x88, 0x86, 0x87];
const PASSING = new Set([0x88, 0x89, 0x97, 0x9f]);
function reasonError(what, code, properties) {
	const words = WORDS[BELOW_V5[code] ?? code] ?? `reason code ${code}`;
	const error = new Error(`${what}: ${properties?.reasonString ?? words}`);
	error.code = code;
	return error;
}
function mayHelpToTryAgain(code) {
	return PASSING.has(BELOW_V5[code] ?? code);
}

// session.js
class Session {
	subscriptions = new Map();
	inflight = new Map();
	received = new Set();
	#lastId = 0;
	published = 0;
	get isFull() {
		return this.inflight.size >= 65535;
	}
	add(entry) {
		do this.#lastId = (this.#lastId % 65535) + 1;
		while (this.inflight.has(this.#lastId));
		entry.packet.messageId = this.#lastId;
		this.inflight.set(this.#lastId, entry);
		if (entry.packet.cmd === "publish") this.published++;
	}
	finish(id, cmd) {
		const entry = this.inflight.get(id);
		if (entry?.packet.cmd !== cmd) return undefined;
		this.inflight.delete(id);
		if (cmd === "publish") this.published--;
		return entry;
	}
	resume(isPresent) {
		if (!isPresent) this.received.clear();
		const again = [];
		for (const [id, entry] of [...this.inflight]) {
			if (entry.isRenewal || (entry.isReleased && !isPresent)) this.finish(id, entry.packet.cmd).callback?.(null, entry.packet);
			else again.push(entry);
			if (entry.packet.cmd === "publish") entry.packet.dup = isPresent;
		}
		return again;
	}
	abandon() {
		const entries = [...this.inflight.values()];
		this.inflight.clear();
		this.published = 0;
		return entries;
	}
}

// topic.js
const TEXT_LIMIT = 65535;
function isText(value) {
	return typeof value === "string" && value !== "" && !value.includes("\0") && value.length <= TEXT_LIMIT;
}
function isTopicName(topic) {
	return isText(topic) && !/[+#]/.test(topic);
}
function isTopicFilter(filter) {
	if (!isText(filter)) return false;
	const levels = filter.split("/");
	return levels.every((level, i) =>
		level === "+" || (level === "#" && i === levels.length - 1) || !/[+#]/.test(level));
}
function filterProblem(filters) {
	const wrong = filters.find((each) => !isTopicFilter(each));
	if (filters.length && wrong === undefined) return undefined;
	return new Error(filters.length ? `"${wrong}" is no topic filter` : "no topic filter");
}
function toSubscriptions(topic, options = {}) {
	const { qos = 0, nl = false, rap = false, rh = 0 } = options;
	const common = { qos, nl, rap, rh };
	if (typeof topic === "string") return [{ topic, ...common }];
	if (Array.isArray(topic)) return topic.map((each) => ({ topic: each, ...common }));
	return Object.entries(topic ?? {}).map(([each, own]) =>
		({ topic: each, ...common, ...(typeof own === "number" ? { qos: own } : own) }));
}

// client.js
const BUFFER_LIMIT = 4 * 1024 * 1024;
const BUFFER_POLL_MS = 20;
const PACKET_LIMIT = 268_435_460;
class Client extends Emitter {
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
			return this.#refuse(new Error(`"${topic}" is no topic name`), callback);
		return this.#request({ cmd: "publish", topic, payload: message, qos, retain, properties }, callback);
	}
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
	reconnect() {
		if (this.#socket) return this;
		this.disconnecting = this.disconnected = false;
		this.#mayRetry = true;
		this.#retry();
		return this;
	}
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
		return packet.qos > 0 && this.#session.published >= this.#limits.receiveMaximum;
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
	#send(packet) {
		if (packet.cmd === "publish") {
			const { maximumQoS, retainAvailable } = this.#limits;
			if (packet.qos > maximumQoS) return new Error(`the server takes no QoS ${packet.qos}`);
			if (packet.retain && !retainAvailable) return new Error("the server retains nothing");
		}
		let bytes;
		try {
			bytes = encode(packet, this.#version);
		} catch (error) {
			return error;
		}
		if (bytes.length > this.#limits.maximumPacketSize) return new Error("larger than the server takes");
		this.#socket.send(bytes);
		this.emit("packetsend", packet);
		if (this.connected && !this.#awaitsPong) this.#schedulePing();
		return undefined;
	}
	#open() {
		const { options } = this;
		const version = (this.#version = options.protocolVersion);
		this.#limits = { receiveMaximum: 65535, maximumQoS: 2, retainAvailable: true, maximumPacketSize: PACKET_LIMIT };
		this.#framer = new Framer(version, options.properties?.maximumPacketSize ?? PACKET_LIMIT);
		this.#aliases.clear();
		this.#set("connect", options.connectTimeout, () => this.#drop(new Error("no answer in time (connectTimeout)")));
		try {
			const protocol = version === 3 ? "mqttv3.1" : "mqtt";
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
			if (typeof data === "string") throw new ProtocolError("a text frame");
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
	#handle(packet) {
		this.emit("packetreceive", packet);
		if (!this.connected) {
			if (packet.cmd !== "connack") throw new ProtocolError(`${packet.cmd} before CONNACK`, 0x82);
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
			default: throw new ProtocolError(`a second ${packet.cmd}`, 0x82);
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
		this.options.keepalive = properties.serverKeepAlive ?? this.options.keepalive;
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
			if (alias === 0 || alias > most) throw new ProtocolError(`topic alias ${alias}`, 0x94);
			if (packet.topic) this.#aliases.set(alias, packet.topic);
			else packet.topic = this.#aliases.get(alias) ?? "";
		}
		if (!packet.topic) throw new ProtocolError("a message without a topic", 0x82);
		const { qos, messageId } = packet;
		const isNew = qos < 2 || !this.#session.received.has(messageId);
		if (qos === 2) this.#session.received.add(messageId);
		if (qos > 0) this.#send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
		if (isNew) this.emit("message", packet.topic, packet.payload, packet);
	}
	#handlePubrel({ messageId }) {
		const isKnown = this.#session.received.delete(messageId);
		this.#send({ cmd: "pubcomp", messageId, reasonCode: isKnown ? 0 : 0x92 });
	}
	#handlePubrec(packet) {
		const entry = this.#session.inflight.get(packet.messageId);
		if (packet.reasonCode >= 0x80) return this.#settle(packet, "publish");
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
		if (packet.reasonCode === TAKEN_OVER) this.#mayRetry = false;
		this.#drop(null);
	}
	#schedulePing() {
		if (this.options.keepalive > 0) this.#set("ping", this.options.keepalive * 1000, () => this.#ping());
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

// connect.js
const DEFAULTS = {
	protocolVersion: 4,
	keepalive: 60,
	clean: true,
	connectTimeout: 30_000,
	reconnectPeriod: 1000,
	reconnectBackoff: 1,
	reconnectPeriodMax: 60_000,
	resubscribe: true,
	queueLimit: 65_535,
};
function connect(url, options) {
	if (url && typeof url === "object" && !(url instanceof URL)) [url, options] = [undefined, url];
	const given = { ...DEFAULTS, clientId: `mqttsim_${Math.random().toString(36).slice(2)}`, ...options };
	const target = resolveUrl(url, given, globalThis.location?.href);
	given.username ??= target.username ? decodeURIComponent(target.username) : undefined;
	given.password ??= target.password ? decodeURIComponent(target.password) : undefined;
	target.username = target.password = target.hash = "";
	return new Client({ ...given, url: target.href });
}
function resolveUrl(url, { host, hostname, port, protocol, path }, page) {
	const scheme = (protocol ?? (page?.startsWith("https:") ? "wss" : "ws")).replace(/:?$/, ":");
	const name = hostname ?? host;
	const written = url ?? (name ? `${scheme}//${name}${port ? `:${port}` : ""}/` : "/");
	let target;
	try {
		target = new URL(written, page);
	} catch {
		throw new Error(`"${written}" is no URL, or it needs a page to start from`);
	}
	const secure = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" }[target.protocol];
	if (!secure) throw new Error(`${target.protocol} is neither ws: nor wss:`);
	if (path && target.pathname === "/") target.pathname = path;
	target.protocol = secure;
	return target;
}

globalThis.mqtt = { Client, connect };
})();
