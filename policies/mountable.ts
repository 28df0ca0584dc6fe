import { driverMounts } from "../planning/engines/ascendcloud.ts";
import { driverMounts as publicDriverMounts } from "../planning/engines/vllm-ascend.ts";

/** What engines mount of driver and system, each as its Plan has it. */
export const engineMounts = [...driverMounts, ...publicDriverMounts];

/** For data alone: nothing in them is run by the host, nor says who may enter it. */
export const dataFolders = ["/data"];
