/** Lines of instances that are well, or of clients, which hold words of a fault. */
export const harmless: readonly string[] = [
  // vLLM, on every start.
  "(APIServer pid=2063) WARNING 11-28 21:17:48 [system_utils.py:255] Found ulimit of 20000 and failed to automatically increase with error current limit exceeds maximum limit. This can cause fd limit errors like `OSError: [Errno 24] Too many open files`. Consider increasing with ulimit -n",
  "WARNING 06-16 15:10:59 [_custom_ops.py:21] Failed to import from vllm._C with ImportError('libcudart.so.12: cannot open shared object file: No such file or directory')",
  "WARNING 06-17 01:14:51 [_custom_ops.py:21] Failed to import from vllm._C with ImportError('/vllm-ascend-env/lib/python3.11/site-packages/vllm/_C.abi3.so: undefined symbol: _ZN3c108ListType3getE')",
  "WARNING 06-17 01:14:51 [_custom_ops.py:21] Failed to import from vllm._C with ModuleNotFoundError(\"No module named 'vllm._C'\")",
  "WARNING 08-27 01:01:36 [parallel.py:746] Address already in use. Retrying with a new port.",
  "INFO 08-27 01:01:36 [network_utils.py:248] Port 8000 is already in use, trying port 8001",
  "ERROR: ld.so: object '/usr/lib/aarch64-linux-gnu/libjemalloc.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.",
  "INFO 10-09 01:29:57 [__init__.py:207] Platform plugin ascend is activated",
  "[rank0]:[W106 06:43:02.555922410 compiler_depend.ts:117] Warning: Driver Version:  is invalid or not supported yet. (function operator())",
  "INFO 04-27 09:26:21 [llmdatadist_connector.py:165] local_rank 0 link, ret=[<LLMStatusCode.LLM_SUCCESS: 0>]",
  "(EngineCore) [mooncake_hybrid_connector.py:813] KV cache transfer for request cmpl-9 took 2.02 ms. remote_session_id 10.0.0.18:15622",
  "[INFO] HCCL(860,):2025-12-31-07:42:50.708.882 [externalinput.cc:372] [860]HCCL_CONNECT_TIMEOUT set by default to [120]s",
  "INFO 08-27 01:01:36 [loggers.py:257] Engine 000: Avg prompt throughput: 12.0 tokens/s, Running: 1 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.1%, External prefix cache hit rate: 100.0%",
  "INFO 08-27 01:01:36 [metrics.py:96] KV Transfer metrics: Num successful transfers=3, Avg xfer time (ms)=0.706, Num failed transfers=0, Num KV expired reqs=0, Num notifs after expiry=0",
  'INFO:     10.0.0.7:55012 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
  // Clients say what they like: in a prompt, in an answer, in a path, in a request's id.
  "INFO 08-27 01:01:36 [logger.py:40] Received request chatcmpl-1: prompt: 'Why do I get EI0006: Getting socket times out, NPU out of memory?', params: SamplingParams(n=1)",
  "DEBUG 08-27 01:01:36 [request_logger.py:56] Request chatcmpl-1 details: prompt: 'Mooncake transfer failed, ret: -1', prompt_token_ids: [1]",
  "INFO 08-27 01:01:36 [request_logger.py:109] Generated response chatcmpl-1: output: 'Address already in use means …', finish_reason: stop",
  'INFO:     10.0.0.7:55012 - "GET /?q=EngineDeadError HTTP/1.1" 404 Not Found',
  'ERROR 08-27 01:01:36 bad body {"model":"m","messages":[{"role":"user","content":"Cannot find any model weights with `x`"}]}',
  '{"error": "{\\"content\\": \\"EJ0003 and EI0015: why?\\"}"}',
  '{"time":"2026-11-29T01:02:03.000Z","id":"EI0006","method":"GET","path":"/EI0006: NIXL_ERR_BACKEND","status":404}',
  "INFO 08-27 01:01:36 [core.py:12] Added request chatcmpl-EI0006-1",
];
