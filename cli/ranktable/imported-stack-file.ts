import { Document, isMap } from "yaml";
import { isLoopback } from "../../rank-tables/addresses.ts";
import type { deploymentOf } from "./tables/deployment.ts";

type Deployment = ReturnType<typeof deploymentOf>;

/** A stack file with `deployment` in it, and a placeholder for each thing that is in no rank table. */
export function importedStackFile({ hosts, ...instances }: Deployment, source: string): string {
  const deployment = {
    engine: {
      kind: "ascendcloud",
      image: "<image with AscendCloud-LLM>",
      workDir: {
        source: "<folder with the weights on the host>",
        target: "<that folder in the container>",
      },
    },
    model: {
      path: "<--model>",
      servedName: "<--served-model-name>",
      maxModelLen: "<--max-model-len>",
      maxNumSeqs: "<--max-num-seqs>",
      maxNumBatchedTokens: "<--max-num-batched-tokens>",
    },
    hosts: Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, withEndpoint(host)])),
    ...instances,
  };
  const document = new Document({ config: { "ascend-pd:deployment": deployment } });
  document.commentBefore = ` yaml-language-server: $schema=../schemas/stack.schema.json
 Imported from ${source.replaceAll(/\p{Cc}/gu, " ")}. Fill in what is marked with <…>: flags are those of the instances.`;
  for (const path of oneLiners({ hosts, ...instances })) {
    const node = document.getIn(["config", "ascend-pd:deployment", ...path]);
    if (isMap(node)) node.flow = true;
  }
  return document.toString({ lineWidth: 110 });
}

function oneLiners({ hosts, prefill, decode }: Deployment): (string | number)[][] {
  return [
    ...Object.keys(hosts).map((name) => ["hosts", name, "deviceIps"]),
    ...prefill.map((_, index) => ["prefill", index]),
    ...decode.map((_, index) => ["decode", index]),
    ["scheduler"],
  ];
}

/** A host that only reaches itself has the Docker Engine that is there. */
function withEndpoint({ address, npus, deviceIps }: Deployment["hosts"][string]) {
  const endpoint = isLoopback(address)
    ? {}
    : {
        docker: `ssh://<user>@${address}`,
        hostKey: `<ssh-keyscan -t ed25519 ${address}>`,
      };
  const ipById = new Map(Object.entries(deviceIps).map(([npu, ip]) => [Number(npu), ip]));
  return { address, ...endpoint, npus, deviceIps: ipById };
}
