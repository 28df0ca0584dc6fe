import type { LogSignature } from "../signature.ts";

/** The hosts' network: ports, addresses, interfaces. */
export const network: readonly LogSignature[] = [
  {
    code: "LS401",
    severity: "error",
    rank: "cause",
    title: "a port is in use",
    // vLLM says so too when it only tries the next one.
    pattern:
      /port: \d{1,5}, useIpv6: \w{4,5}, code: -98, name: EADDRINUSE|(?:bind on address \('[\w.:*]{1,60}', (?:\d{1,5})[\d, ]{0,12}\): \[?(?:errno \d{1,3}\] )?|failed to bind to (?:any [\w ]{1,40}|[[\]\w.:*]{1,60}) \(errno: 98 - )?(?:address already in use(?!\. Retrying)|EADDRINUSE)(?: ?\(addr='\w{1,10}:\/\/[^' \n]{1,80}'\)|:? (?:address already in use )?[[\]\w.:*]{1,60}:\d{1,5}(?!\d))?/i,
    cause:
      "On the host's network a port is everybody's: another process, an instance's predecessor, or a second rank that computes the same port (Mooncake, with data parallelism of a model that is no mixture of experts).",
    fix: "`ss -ltnp 'sport = :PORT'` on the host says who has it; `ascend-pd doctor` looks at all ports of the stack (HC602, HC603). Stop that, or choose another port in the stack file",
    source: "https://github.com/vllm-project/vllm-ascend/issues/16237",
  },
  {
    code: "LS402",
    severity: "error",
    rank: "cause",
    title: "an address is not one of this host's",
    pattern: /Cannot assign requested address|EADDRNOTAVAIL/i,
    cause:
      "`address` of the host in the stack file, HCCL_IF_IP or VLLM_HOST_IP names another machine's address.",
    fix: "correct it; `ip -brief address` on the host lists its own (HC601)",
    source: "https://man7.org/linux/man-pages/man2/bind.2.html",
  },
  {
    code: "LS403",
    severity: "error",
    rank: "cause",
    title: "a network interface that is named does not exist",
    pattern:
      /Unable to find address for: [\w.^,:-]{1,60}|ZMQError: No such device|Unable to find interface for: [\w.:-]{1,60}/,
    cause:
      "GLOO_SOCKET_IFNAME, TP_SOCKET_IFNAME or HCCL_SOCKET_IFNAME names what this host does not have; Gloo wants one name, no list and no exclusion.",
    fix: "set the interface of the host in the stack file to one that `ip -brief address` shows there, with the host's address on it",
    source: "https://github.com/aws-samples/aws-do-eks/pull/51",
  },
  {
    code: "LS404",
    severity: "error",
    rank: "cause",
    title: "the ranks of an instance do not reach each other",
    pattern: /Gloo connectFullMesh failed/,
    cause:
      "Gloo took the loopback or a bridge for its address, since the host's name resolves to that, or a firewall is between.",
    fix: "set the hosts' network interface in the stack file (GLOO_SOCKET_IFNAME), and let all ports pass between the hosts",
    source: "https://github.com/gpustack/gpustack/issues/2125",
  },
  {
    code: "LS405",
    severity: "error",
    rank: "consequence",
    title: "a rank waited in vain for the others",
    pattern:
      /client socket has timed out after \d{1,9}ms while trying to connect to|DistStoreError: Timed out|Timed out after \d{1,6} seconds waiting for clients|Timed out waiting for engine core processes to start/,
    cause:
      "The first rank did not start, has another address, or is behind a firewall; or others ended before they joined.",
    fix: "mend what the other ranks' logs say first; then see that the first one's address and port are reachable from this host",
    source: "https://github.com/verl-project/verl/issues/849",
  },
  {
    code: "LS406",
    severity: "error",
    rank: "cause",
    title: "a name of a host cannot be resolved",
    pattern:
      /Temporary failure in name resolution|Name or service not known|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)/,
    cause: "The container sees the host's /etc/hosts and DNS, and neither knows the name.",
    fix: "use addresses in the stack file, or let the host's own name resolve (/etc/hosts)",
    source: "https://man7.org/linux/man-pages/man3/gai_strerror.3.html",
  },
];
