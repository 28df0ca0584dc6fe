import type { Documented } from "./rule.ts";

const schema = "the stack file's schema, schemas/stack.schema.json";

/** What is checked before there is a topology to check: rules of the file's shape. */
export const shapeRules: readonly Documented[] = [
  {
    code: "PD001",
    severity: "error",
    title: "a key is one that the stack file has",
    why: "A misspelt key would be ignored, and its default silently used.",
    source: schema,
  },
  {
    code: "PD002",
    severity: "error",
    title: "what cannot be derived is there",
    why: "Hosts, NPUs, ports and the model cannot be guessed.",
    source: schema,
  },
  {
    code: "PD003",
    severity: "error",
    title: "a value is of its kind and in its range",
    why: "The engine would refuse it after minutes, or take it for something else.",
    source: schema,
  },
  {
    code: "PD004",
    severity: "error",
    title: "no list or group has more than 10,000 entries, nor are they nested without end",
    why: "A scheduler, a rank table and Pulumi's state cannot carry so many instances, and planning them would take hours.",
    source: "the size of the rank table, PD126; published fleets are many groups of tens of hosts",
  },
  {
    code: "PD005",
    severity: "error",
    title: "the stack file is of a version that this program reads",
    why: "Of a newer file, a key that is not known yet would look misspelt, and what is the default now may be another then.",
    source: "docs/library.md, versions of stack files",
  },
  {
    code: "PD010",
    severity: "error",
    title: "no value holds the blank of an example",
    why: `A shell silently turns \`\${served-model-name}\` into \`model-name\`, and an address like \`10.**.**.18\` fails only when instances first exchange KV caches.`,
    source: "the manual, steps one to four: the values in its commands",
  },
  {
    code: "PD011",
    severity: "error",
    title: "an instance says in one way where it is: `host` and `devices`, or `hosts`",
    why: "Of two that differ, one would be ignored. Each host of an instance has a list of devices of its own.",
    source: schema,
  },
  {
    code: "PD012",
    severity: "error",
    title: "no value of the deployment is a Pulumi secret",
    why: "The deployment becomes a Plan, which is printed, compared and rendered, and inputs of resources: all in plain text.",
    source: "Pulumi: only whole keys of a stack's configuration are handed to a program as secrets",
  },
  {
    code: "PD013",
    severity: "error",
    title: "no address holds a password",
    why: "Many read a stack file, and plans, previews, logs and Pulumi's state repeat what is in it. A Docker endpoint is root on its host, and ssh takes no password from it.",
    source:
      "the docker command of an `ssh://` endpoint: “plain-text password is not supported”; RFC 3986, section 3.2.1",
  },
  {
    code: "PD014",
    severity: "error",
    title: "no argument is a credential",
    why: "Besides those who read the stack file and what repeats it, every process of a host sees the arguments of all others.",
    source: "vLLM: `VLLM_API_KEY` in place of `--api-key`; proc(5): `/proc/PID/cmdline`",
  },
];
