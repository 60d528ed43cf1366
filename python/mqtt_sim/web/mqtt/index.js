// A small MQTT client for pages, with the names of MQTT.js. Built into one file by python/bundle_web.py.
export { Client } from "./client.js";
export { connect } from "./connect.js";
