// Properties of MQTT 5.0, under the names that MQTT.js gives them. User properties are an object; a name that comes
// twice has an array of values.
import { ProtocolError, Writer } from "./bytes.js";

// By the form of the value, then by identifier.
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

export function writeProperties(writer, properties = {}) {
  const inner = new Writer();
  for (const [id, { name, form }] of PROPERTIES)
    for (const value of [properties[name] ?? []].flat()) inner.u8(id)[form](form === "u8" ? Number(value) : value);
  for (const [name, values] of Object.entries(properties.userProperties ?? {}))
    for (const value of [values].flat()) inner.u8(USER_PROPERTY).text(name).text(value);
  writer.variable(inner.bytes.length).raw(inner.bytes);
}

export function readProperties(reader) {
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
  // No prototype: the peer chooses the names.
  const user = (properties.userProperties ??= Object.create(null));
  user[name] = name in user ? [user[name], value].flat() : value;
}
