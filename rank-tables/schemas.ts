/*
 * The two rank tables of the manual as JSON Schemas. schemas/*.json and rank-table-validators.js are generated from
 * here (`node generate/main.ts`). Unknown keys are let through: a table may say more than is read.
 */

import { ipv4Pattern } from "./addresses.ts";

const draft = "https://json-schema.org/draft/2020-12/schema";

const numeral = (description: string) => ({ type: "string", pattern: "^(0|[1-9][0-9]{0,5})$", description });

const ipv6Pattern = "(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+";

/** A last label of letters: a masked `10.xx.xx.18` or blank `-.-.-.-` address is no name. */
const namePattern = "([0-9A-Za-z-]+\\.)*[A-Za-z][0-9A-Za-z-]*";

const address = (description: string, ...patterns: string[]) => ({
  type: "string",
  pattern: `^(${[ipv4Pattern, ipv6Pattern, ...patterns].join("|")})$`,
  description,
});

const header = {
  version: { const: "1.0" },
  status: { const: "completed", description: "anything else says that the table is still being written" },
};

const entryProperties = {
  server_id: address("the host, by address or name; instances on one host have the same", namePattern),
  server_ip: address("address at which the instance is reached", namePattern),
};

const device = {
  type: "object",
  required: ["device_id", "device_ip", "rank_id"],
  properties: {
    device_id: numeral("physical NPU id, N of /dev/davinciN"),
    device_ip: address("address of the NPU's own network port"),
    rank_id: numeral("rank within the instance, from 0"),
  },
};

const devices = { type: "array", minItems: 1, items: { $ref: "#/$defs/device" } };

/** Either all instances have devices or, with an engine that runs on CPUs, none has: no schema can say that. */
const instance = {
  type: "object",
  required: ["server_id", "server_ip"],
  properties: { ...entryProperties, device: devices },
};

const group = (id: number, description: string, serverList: object) => ({
  type: "object",
  description,
  required: ["group_id", "server_count", "server_list"],
  properties: {
    group_id: { const: String(id) },
    server_count: numeral("length of server_list"),
    server_list: { type: "array", minItems: 1, ...serverList },
  },
});

const groups = [
  group(0, "the scheduler", { maxItems: 1, items: { $ref: "#/$defs/scheduler" } }),
  group(1, "prefill instances", { items: { $ref: "#/$defs/instance" } }),
  group(2, "decode instances", { items: { $ref: "#/$defs/instance" } }),
];

const groupDefinitions = {
  scheduler: { type: "object", required: ["server_id", "server_ip"], properties: entryProperties },
  instance,
  device,
};

export const globalRankTableSchema = {
  $schema: draft,
  title: "Global rank table",
  description: "All instances of a PD-separated deployment; the same file on every one of them.",
  type: "object",
  required: ["version", "status", "server_group_list"],
  properties: {
    ...header,
    server_group_list: { type: "array", minItems: 3, maxItems: 3, prefixItems: groups },
  },
  $defs: groupDefinitions,
};

/** The global table of one host before the merge, which has a group only for what runs there; or a whole one. */
export const hostRankTableSchema = {
  type: "object",
  required: ["version", "status", "server_group_list"],
  properties: {
    ...header,
    server_group_list: {
      type: "array",
      minItems: 1,
      maxItems: 3,
      items: {
        type: "object",
        required: ["group_id"],
        properties: { group_id: { enum: ["0", "1", "2"] } },
        allOf: groups.map((then) => ({
          if: { required: ["group_id"], properties: { group_id: then.properties.group_id } },
          then,
        })),
      },
    },
  },
  // Such tables are for NPUs.
  $defs: { ...groupDefinitions, instance: { ...instance, required: [...instance.required, "device"] } },
};

export const localRankTableSchema = {
  $schema: draft,
  title: "Local rank table",
  description: "One instance: its entry of the global rank table. The scheduler's has no device.",
  type: "object",
  required: ["version", "status", "group_id", "server_count", "server_list"],
  properties: {
    ...header,
    group_id: { const: "0" },
    server_count: { const: "1" },
    server_list: {
      type: "array",
      minItems: 1,
      maxItems: 1,
      items: instance,
    },
  },
  $defs: { device },
};
