// The page's connection: asks in MQTT 5.0 first and in 3.1.1 when that is not understood, says how it stands, comes
// back by itself. States: "connecting", "live", "offline", "refused".

const UNKNOWN_VERSION = new Set([1, 0x84]);
const BAD_CREDENTIALS = new Set([4, 5, 0x86, 0x87]);
const PASSING = new Set([3, 0x88, 0x89, 0x97, 0x9f]);

export class Link {
  reconnects = 0;
  state = "connecting";
  reason = "";
  #client;
  #on;
  #mayFallBack;
  #isFallingBack = false;
  #hasGreeted = false;
  #wasLive = false;

  // `mqtt` is the library; `on` has message(topic, payload, packet), state(state, reason), credentials(reason).
  constructor(mqtt, { url, version, user, password, topics }, on) {
    this.#on = on;
    this.#mayFallBack = version === null;
    this.#client = mqtt.connect(url, {
      protocolVersion: version ?? 5,
      username: user ?? undefined,
      password: password ?? undefined,
      reconnectPeriod: 500,
      reconnectBackoff: 1.5,
      reconnectPeriodMax: 8000,
      connectTimeout: 10_000,
    });
    this.#listen();
    this.#client.subscribe([...topics, "$SYS/#"], (error, granted) => this.#handleGrants(error, granted, topics));
  }

  get version() {
    return this.#client.options.protocolVersion === 5 ? "5.0" : "3.1.1";
  }

  get address() {
    return this.#client.options.url;
  }

  // Another try with these; after a refusal.
  logIn(user, password) {
    this.#client.options.username = user;
    this.#client.options.password = password;
    this.#set("connecting", "");
    this.#client.reconnect();
  }

  end() {
    this.#client.end();
  }

  #listen() {
    const client = this.#client;
    client.on("connect", () => {
      if (this.#wasLive) this.reconnects++;
      this.#wasLive = true;
      this.#mayFallBack = false;
      this.#set("live", "");
    });
    client.on("packetsend", ({ cmd }) => (this.#hasGreeted ||= cmd === "connect"));
    client.on("message", (topic, payload, packet) => this.#on.message(topic, payload, packet));
    client.on("error", (error) => this.#handleError(error));
    client.on("close", () => this.#handleClose());
  }

  #handleError(error) {
    this.reason = error.message;
    const isFinal = error.code !== undefined && error.name !== "ProtocolError" && !PASSING.has(error.code);
    if (UNKNOWN_VERSION.has(error.code) && this.#mayFallBack) this.#isFallingBack = true;
    else if (isFinal) this.#set("refused", error.message);
    if (BAD_CREDENTIALS.has(error.code)) this.#on.credentials(error.message);
  }

  // A broker of old may just hang up at a greeting in 5.0. One that says so would not be asked again without this.
  #handleClose() {
    if (this.state === "refused") return;
    const { options } = this.#client;
    const isFallingBack = this.#isFallingBack || (this.#mayFallBack && this.#hasGreeted);
    if (isFallingBack) options.protocolVersion = options.protocolVersion === 5 ? 4 : 5;
    if (this.#isFallingBack) setTimeout(() => this.#client.reconnect());
    else this.#set("offline", this.reason);
    this.#isFallingBack = this.#hasGreeted = false;
  }

  // Not being allowed to read $SYS is no misfortune.
  #handleGrants(error, granted, topics) {
    const refused = (granted ?? []).find(({ topic, qos }) => qos >= 0x80 && topics.includes(topic));
    if (refused || (error && !granted)) this.#set("refused", refused ? `${refused.topic} may not be read` : error.message);
  }

  #set(state, reason) {
    this.state = state;
    this.reason = reason;
    this.#on.state(state, reason);
  }
}
