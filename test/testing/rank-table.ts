/** The text of a global rank table of that many instances on this machine, with NPUs of their own. */
export function rankTable(prefill: number, decode: number): string {
  let npu = 0;
  const server = () => {
    const device = [{ device_id: String(++npu), device_ip: `29.0.0.${npu}`, rank_id: "0" }];
    return { server_id: "127.0.0.1", server_ip: "127.0.0.1", device };
  };
  const servers = (count: number) => Array.from({ length: count }, server);
  const entry = [{ server_id: "127.0.0.1", server_ip: "127.0.0.1" }];
  const groups = [entry, servers(prefill), servers(decode)];
  return JSON.stringify({
    version: "1.0",
    status: "completed",
    server_group_list: groups.map((list, id) => ({
      group_id: String(id),
      server_count: String(list.length),
      server_list: list,
    })),
  });
}
