/** What `docker inspect` says of a running container, as far as anything here must have it. */
export const sampleAnswer = (name: string) => ({
  Id: "4f".repeat(32),
  Name: `/${name}`,
  Image: "sha256:1",
  State: { Status: "running", Running: true },
  Config: { Image: "other:1" },
  HostConfig: { Runtime: "runc" },
});
