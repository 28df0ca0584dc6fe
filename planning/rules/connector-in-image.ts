import { isOlder } from "../engines/image-tag.ts";
import { connectors } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const connectorInImage: Rule = {
  code: "PD161",
  severity: "error",
  title: "the image's version of vllm-ascend has the connector",
  why: "An older one ends with `Unsupported connector type`, once the weights are loaded.",
  source: "vllm-ascend, `register_connector` of its versions, as the tags of its images name them",
  check: ({ engine: { mooncake } }) => {
    if (mooncake === undefined) return [];
    const { connector, image } = mooncake;
    if (!isOlder(image, connectors[connector])) return [];
    const first = connectors[connector].join(".");
    const message = `${connector} is in vllm-ascend from ${first} on, and ${image.name} is older`;
    return [{ path: "engine.connector", message, fix: `use an image from v${first} on` }];
  },
};
