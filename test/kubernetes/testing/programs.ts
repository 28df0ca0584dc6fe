import { join } from "node:path";
import type { GoBuild } from "../../../toolchain/go-build.ts";

const version = "1.34.1";
const [major, minor] = version.split(".");
const linked = "k8s.io/component-base/version";

/** The programs of a cluster. One build, so that what they share is compiled once. */
export const clusterPrograms: GoBuild = {
  what: `Kubernetes ${version} for tests`,
  module: join(import.meta.dirname, "..", "go"),
  packages: [
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kube-scheduler",
    "./etcd",
  ],
  cpuMinutes: 10,
  variables: [
    `${linked}.gitVersion=v${version}`,
    `${linked}.gitMajor=${major}`,
    `${linked}.gitMinor=${minor}`,
  ],
};
