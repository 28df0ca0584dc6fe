/**
 * The command that runs `command` with folders of its own: what it or its children write there, nobody else sees, and
 * it is gone when the last of them ends. `folder` is an empty one, where the changes are mounted.
 */
export function withOwnFolders(
  folder: string,
  ownFolders: readonly string[],
  command: readonly string[],
): readonly string[] {
  if (ownFolders.length === 0) return command;
  const mounts = ownFolders.map((path, index) => {
    const [upper, work] = [`"$0"/upper${index}`, `"$0"/work${index}`];
    return `mkdir ${upper} ${work}; mount -t overlay own -o lowerdir=${path},upperdir=${upper},workdir=${work} ${path}`;
  });
  const script = ["set -e", 'mount -t tmpfs own "$0"', ...mounts, 'exec "$@"'].join("\n");
  return ["unshare", "--mount", "sh", "-c", script, folder, ...command];
}
