import { readdir, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import type { SFTPWrapper, Stats } from "ssh2";

/** Writes the text to a file, whose folders are made where they are missing. */
export async function putText(sftp: SFTPWrapper, text: string, remotePath: string): Promise<void> {
  if ((await statOf(sftp, remotePath))?.isDirectory()) {
    throw new Error(`${remotePath} is a directory; for a text, remotePath must name the file`);
  }
  await makeFolders(sftp, posix.dirname(remotePath));
  await step(remotePath, (done) => sftp.writeFile(remotePath, text, done));
}

/**
 * Copies a file or a directory. A file goes into `remotePath` where that is a directory, else becomes it. A
 * directory goes into `remotePath`; when `localPath` ends in a slash, only what it holds does.
 */
export async function put(sftp: SFTPWrapper, localPath: string, remotePath: string): Promise<void> {
  const isFolder = (await stat(localPath)).isDirectory();
  const into = posix.join(remotePath, basename(localPath));
  if (isFolder) return putFolder(sftp, localPath, localPath.endsWith("/") ? remotePath : into);
  if ((await statOf(sftp, remotePath))?.isDirectory()) return putFile(sftp, localPath, into);
  await makeFolders(sftp, posix.dirname(remotePath));
  return putFile(sftp, localPath, remotePath);
}

async function putFolder(sftp: SFTPWrapper, localPath: string, remotePath: string): Promise<void> {
  await makeFolders(sftp, remotePath);
  for (const entry of await readdir(localPath, { withFileTypes: true })) {
    const putEntry = entry.isDirectory() ? putFolder : putFile;
    await putEntry(sftp, join(localPath, entry.name), posix.join(remotePath, entry.name));
  }
}

function putFile(sftp: SFTPWrapper, localPath: string, remotePath: string): Promise<void> {
  return step(remotePath, (done) => sftp.fastPut(localPath, remotePath, done));
}

async function makeFolders(sftp: SFTPWrapper, path: string): Promise<void> {
  const found = await statOf(sftp, path);
  if (found?.isDirectory()) return;
  if (found) throw new Error(`${path} exists and is not a directory`);
  await makeFolders(sftp, posix.dirname(path));
  await step(path, (done) => sftp.mkdir(path, done));
}

/** Undefined when there is no such file. */
function statOf(sftp: SFTPWrapper, path: string): Promise<Stats | undefined> {
  const noSuchFile = 2;
  return new Promise((resolve, reject) =>
    sftp.stat(path, (error, stats) => {
      if (!error) resolve(stats);
      else if ("code" in error && error.code === noSuchFile) resolve(undefined);
      else reject(new Error(`${path}: ${error.message}`));
    }),
  );
}

function step(path: string, start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) =>
    start((error) => (error ? reject(new Error(`${path}: ${error.message}`)) : resolve())),
  );
}
