// Reason codes in words, as far as a page can do something about them.

export const TAKEN_OVER = 0x8e;

const WORDS = {
  0x80: "unspecified error", 0x81: "malformed packet", 0x82: "protocol error", 0x84: "unsupported protocol version",
  0x85: "client identifier not valid", 0x86: "bad user name or password", 0x87: "not authorized",
  0x88: "server unavailable", 0x89: "server busy", 0x8a: "banned", 0x8f: "topic filter invalid",
  0x90: "topic name invalid", 0x95: "packet too large", 0x97: "quota exceeded",
};
// What the return codes of 3.1.1 mean, and what may pass by itself: busy servers have time later, a wrong password stays.
const BELOW_V5 = [0, 0x84, 0x85, 0x88, 0x86, 0x87];
const PASSING = new Set([0x88, 0x89, 0x97, 0x9f]);

// An Error with `code`, the reason code as it came.
export function reasonError(what, code, properties) {
  const words = WORDS[BELOW_V5[code] ?? code] ?? `reason code ${code}`;
  const error = new Error(`${what}: ${properties?.reasonString ?? words}`);
  error.code = code;
  return error;
}

export function mayHelpToTryAgain(code) {
  return PASSING.has(BELOW_V5[code] ?? code);
}
