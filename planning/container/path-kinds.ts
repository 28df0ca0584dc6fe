/** Of what the driver's installation has on a host. */
export type PathKind = "file" | "folder";

export const systemPaths: ReadonlyMap<string, PathKind> = new Map([
  ["/etc/ascend_install.info", "file"],
  ["/etc/hccn.conf", "file"],
  ["/etc/localtime", "file"],
  ["/sys/fs/cgroup", "folder"],
  ["/usr/local/Ascend/driver", "folder"],
  ["/usr/local/Ascend/driver/lib64", "folder"],
  ["/usr/local/Ascend/driver/tools/hccn_tool", "file"],
  ["/usr/local/Ascend/driver/version.info", "file"],
  ["/usr/local/bin/npu-smi", "file"],
  ["/usr/local/dcmi", "folder"],
  ["/usr/local/sbin/npu-smi", "file"],
  ["/var/log/npu", "folder"],
]);
