/** Of this room's own command, which `ascend-pd toolchain` hands its arguments to. */
export const usage = `usage: ascend-pd toolchain [OPTIONS] [ensure | exec PROGRAM [ARGS] | vllm-image | where | clean]

Obtains what this project needs to run: the Pulumi CLI, its plugins, a Docker Engine and a Node image. Each part
is what this machine has, else the published one, else one made from package registries. docs/toolchain.md tells more.
In a clone, \`npm run toolchain -- …\` is the same.

  ensure             obtain everything (the default)
  exec PROGRAM …     obtain Pulumi, then run a program with it; \`ascend-pd pulumi …\` is short for exec pulumi …
                     A Docker Engine that an earlier run has obtained is used; none is started
  vllm-image         assemble the image of engine vllm, for stack files that give none, in the Docker Engine that
                     DOCKER_HOST names or that of this machine: some minutes and 12 GB, once
  where              the folders that are used; obtains nothing
  clean              stop our own Docker Engine and delete the cache; deployments and their state stay

options, before the command:
  --engine           exec: obtain a Docker Engine and the Node image too
  --no-engine        leave them out
  --explain          say for each part which one was chosen, and why
  --json             ensure, where: print JSON

examples:
  ascend-pd toolchain
  ascend-pd toolchain --explain --no-engine
  ascend-pd toolchain --engine exec pulumi up --stack sim-1p1d
  ascend-pd toolchain exec sh -c 'which pulumi'
  ascend-pd toolchain clean

exit codes: 0 done, 1 a part could not be obtained, 2 the command line is wrong, 127 exec: no such program; otherwise exec's
program decides`;
