/**
 * What logs say that have the fault, in the forms in which engines, CANN and Mooncake were seen to write it; `also` is what
 * else such lines tell of. Addresses, models and times are made up.
 */
export interface Fixture {
  readonly code: string;
  readonly lines: string;
  readonly also?: readonly string[];
}

const core = "(EngineCore pid=136) ERROR 08-27 01:01:36 [core.py:1099]";
const worker = "(Worker_TP0 pid=14004) ERROR 11-06 01:18:00 [multiproc_executor.py:671]";
const sync = `${core} RuntimeError: ACL stream synchronize failed, error code:`;

export const fixtures: readonly Fixture[] = [
  {
    code: "LS101",
    lines:
      "ImportError: libascend_hal.so: cannot open shared object file: No such file or directory. Please check that the cann package is installed.\nRuntimeError: Failed to load the backend extension: torch_npu. You can disable extension auto-loading with TORCH_DEVICE_BACKEND_AUTOLOAD=0.",
  },
  {
    code: "LS102",
    lines: `${core} ImportError: libatb.so: cannot open shared object file: No such file or directory`,
  },
  {
    code: "LS102",
    lines: "ImportError: libhccl.so: cannot open shared object file: No such file or directory",
  },
  {
    code: "LS103",
    lines: `${core} OSError: /usr/local/Ascend/nnal/atb/latest/atb/cxx_abi_1/lib/libtbe_adapter.so: undefined symbol: _ZN3Mki2DlC1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEb`,
  },
  {
    code: "LS103",
    lines:
      "ImportError: /usr/local/python3.10.14/lib/python3.10/site-packages/torch_npu/lib/libtorch_npu.so: undefined symbol: _ZN3atb15CreateOperationINS_5infer14GroupTopkParamEEEiRKT_PPNS_9OperationE",
  },
  {
    code: "LS104",
    lines:
      "RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to turn on verbose logging to help debug the issue.",
  },
  {
    code: "LS105",
    lines:
      "[PID: 1201] 2026-10-21-08:11:03.412.118 Package_Error_Incorrect_Driver_Version(EE1015): rtModelCreate failed. Reason: The driver version capacity is insufficient. ",
  },
  {
    code: "LS106",
    lines: `${core} RuntimeError: SetPrecisionMode:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:156 NPU function error: at_npu::native::AclSetCompileopt(aclCompileOpt::ACL_PRECISION_MODE, precision_mode), error code is 500001\n${core} EH9999: Inner Error!`,
    also: ["LS611"],
  },
  {
    code: "LS107",
    lines: `${worker} RuntimeError: Initialize:torch_npu/csrc/core/npu/sys_ctrl/npu_sys_ctrl.cpp:146 NPU function error: c10_npu::SetDevice(device_id_), error code is 507033\n[Error]: Failed to start the device. `,
  },
  {
    code: "LS108",
    lines:
      "(RayWorkerWrapper pid=118835) ERROR 02-26 09:45:37 worker_base.py:572]         The argument is invalid.Reason: Set visible device failed, invalid device=1, input visible devices:1\n(RayWorkerWrapper pid=118835) ERROR 02-26 09:45:37 worker_base.py:572]         open device 1 failed, runtime result = 107001.[FUNC:ReportCallError][FILE:log_inner.cpp][LINE:161]",
  },
  {
    code: "LS108",
    lines:
      "[ERROR] RUNTIME(42,mindie_llm_backend_connector):2025-11-18-09:33:13.666.323 [runtime.cc:5632]58 GetVisibleDevices:[INIT][DEFAULT]set ASCEND_RT_VISIBLE_DEVICES:[4] error, input data rang[0-2)",
  },
  {
    code: "LS109",
    lines: "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi module initialize failed. ret is -8005",
  },
  { code: "LS109", lines: "dcmi model initialized failed, because the device is used. ret is -8020" },
  {
    code: "LS110",
    lines:
      "[PID: 77] 2026-05-01-10:59:07.429.194 No_Permission(EL0007): Permission denied.\n        Possible Cause: The user has no permission.",
  },
  { code: "LS110", lines: "PermissionError: [Errno 13] Permission denied: '/dev/davinci4'" },
  {
    code: "LS111",
    lines:
      "the socversion Ascend910B1 of bin package does not match the current device socverison Ascend310P3. Please modify default socversion in run.sh or execute run.sh with socversion parameter.",
  },
  {
    code: "LS112",
    lines: "[FATAL tini (65)] exec vllm-router failed: No such file or directory",
  },
  {
    code: "LS112",
    lines: '/bin/sh: exec: "vllm": not found',
  },
  { code: "LS113", lines: "exec /usr/bin/python3: exec format error" },
  {
    code: "LS114",
    lines:
      "WARNING:root:Failed to import 'vllm_ascend.vllm_ascend_C': /lib/aarch64-linux-gnu/libc.so.6: version `GLIBC_2.32' not found (required by /vllm-ascend-env/lib/python3.11/site-packages/vllm_ascend/vllm_ascend_C.cpython-311-aarch64-linux-gnu.so). All custom ops will be disabled. ",
  },
  {
    code: "LS115",
    lines:
      "ImportError: /usr/local/lib/python3.11/site-packages/sklearn/utils/../../scikit_learn.libs/libgomp-d22c30c5.so.1.0.0: cannot allocate memory in static TLS block",
  },
  {
    code: "LS116",
    lines: `OpenBLAS blas_thread_init: pthread_create failed for thread 63 of 64: Operation not permitted\n${core} RuntimeError: can't start new thread`,
  },
  { code: "LS117", lines: `${core} OSError: [Errno 24] Too many open files` },
  {
    code: "LS118",
    lines: `${core} ImportError: cannot import name 'supports_dynamo' from 'vllm.compilation.wrapper' (/vllm-workspace/vllm/vllm/compilation/wrapper.py)`,
  },
  {
    code: "LS118",
    lines:
      "ValueError: Invalid vllm version 0.11.1rc7.dev12+gabc found. A dev version of vllm is installed probably. Set the environment variable VLLM_VERSION to control it by hand.",
  },
  {
    code: "LS201",
    lines: "vllm: error: unrecognized arguments: --enable-expert-paralel",
  },
  {
    code: "LS201",
    lines:
      "api_server.py: error: argument --kv-transfer-config/-kvt: invalid parse_type value: '{\"kv_connector\": MooncakeConnectorV1}'",
  },
  {
    code: "LS202",
    lines:
      "  Value error, User-specified max_model_len (131072) is greater than the derived max_model_len (max_position_embeddings=32768 or model_max_length=None in model's config.json). This may lead to incorrect model outputs or CUDA errors.",
  },
  {
    code: "LS203",
    lines: "ValueError: Total number of attention heads (28) must be divisible by tensor parallel size (8).",
  },
  {
    code: "LS204",
    lines: `${core} ValueError: Model architectures ['Qwen9ForCausalLM'] are not supported for now. Supported architectures: dict_keys(['ApertusForCausalLM'])`,
  },
  {
    code: "LS204",
    lines:
      "ValueError: The checkpoint you are trying to load has model type `qwen9` but Transformers does not recognize this architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out of date.",
  },
  {
    code: "LS205",
    lines:
      "ValueError: The repository /models/own contains custom code which must be executed to correctly load the model. You can inspect the repository content at /models/own .",
  },
  {
    code: "LS206",
    lines:
      "ValueError: Quantization method specified in the model config (fp8) does not match the quantization method specified in the `quantization` argument (ascend).",
  },
  {
    code: "LS207",
    lines:
      "================================================================================\nERROR: ModelSlim Quantization Config Not Found\n================================================================================\n\nYou have enabled '--quantization ascend' (ModelSlim quantization),",
  },
  { code: "LS207", lines: `${core} KeyError: 'layers.0.mlp.gate_gate_up_proj.deq_scale'` },
  {
    code: "LS207",
    lines: `${core} NotImplementedError: There is no available ascend quantizer.`,
  },
  { code: "LS208", lines: `${core} RuntimeError: Cannot find any model weights with \`/models/qwen\`` },
  {
    code: "LS209",
    lines: `${core} safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge`,
  },
  {
    code: "LS210",
    lines:
      "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/models/qwen'. Use `repo_type` argument if needed.",
  },
  {
    code: "LS210",
    lines:
      "OSError: /models/qwen does not appear to have a file named config.json. Checkout 'https://huggingface.co//models/qwen/tree/main' for available files.",
  },
  {
    code: "LS211",
    lines:
      "OSError: Can't load tokenizer for '/models/qwen'. If you were trying to load it from 'https://huggingface.co/models', make sure you don't have a local directory with the same name.",
  },
  {
    code: "LS212",
    lines:
      "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files.",
  },
  { code: "LS213", lines: "PermissionError: [Errno 13] Permission denied: '/models/qwen/config.json'" },
  {
    code: "LS214",
    lines: `${core} ValueError: Following weights were not initialized from checkpoint: {'model.layers.3.mlp.down_proj.weight'}`,
  },
  { code: "LS215", lines: `${core} OSError: [Errno 116] Stale file handle` },
  {
    code: "LS301",
    lines: `${worker} torch.OutOfMemoryError: NPU out of memory. Tried to allocate 22.00 MiB (NPU 6; 60.97 GiB total capacity; 10.24 GiB already allocated; 10.24 GiB current active; 19.79 MiB free; 10.65 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation.`,
  },
  {
    code: "LS301",
    lines: `${core} EL0004: [PID: 3132] 2025-10-15-16:32:16.417.528 Failed to allocate memory.\n${core}         alloc device memory failed, runtime result = 207001[FUNC:ReportCallError][FILE:log_inner.cpp][LINE:161]`,
  },
  {
    code: "LS302",
    lines: `${core} ValueError: No available memory for the cache blocks. Try increasing \`gpu_memory_utilization\` when initializing the engine.`,
  },
  {
    code: "LS303",
    lines: `${core} ValueError: To serve at least one request with the model's max seq len (131072), (24.0 GiB KV cache is needed, which is larger than the available KV cache memory (9.3 GiB).`,
  },
  {
    code: "LS304",
    lines: `${core} ValueError: Free memory on device (12.3/60.97 GiB) on startup is less than desired GPU memory utilization (0.9, 54.87 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.`,
  },
  {
    code: "LS305",
    lines: `${core} AssertionError: Error in memory profiling. Initial free memory 51.2 GiB, current free memory 58.9 GiB. This happens when other processes sharing the same container release GPU memory`,
  },
  {
    code: "LS306",
    lines:
      "capture_begin:../torch_npu/csrc/core/npu/NPUGraph.cpp:230 NPU function error: c10_npu::acl::AclmdlRICaptureBegin(capture_stream_, capture_mode), error code is 207008\n[Error]: Stream resources are insufficient.\n[PID: 9] Insufficient_Stream_Resources(EL0009): The stream resources are insufficient.",
  },
  {
    code: "LS307",
    lines:
      "RuntimeError: unable to write to file </torch_4711_1820338214_0>: No space left on device (28)\nERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\nBus error (core dumped)",
    also: ["LS806"],
  },
  { code: "LS308", lines: "OSError: [Errno 28] No space left on device: '/root/ascend/log/debug/plog'" },
  {
    code: "LS309",
    lines:
      "RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4294967296 bytes. Error code 12 (Cannot allocate memory)",
  },
  {
    code: "LS401",
    lines:
      "ERROR mooncake_connector.py:269 Mooncake KVCacheSendingThread encountered exception. Thread: tp_rank=0, pp_rank=0, listening_path=tcp://10.0.0.19:20001. Error: Address already in use (addr='tcp://10.0.0.19:20001')",
  },
  {
    code: "LS401",
    lines: "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8088): address already in use",
  },
  {
    code: "LS401",
    lines: "OSError: [Errno 98] Address already in use",
  },
  {
    code: "LS401",
    lines:
      "torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use",
  },
  { code: "LS401", lines: "Error: listen EADDRINUSE: address already in use 0.0.0.0:9000" },
  {
    code: "LS402",
    lines: "zmq.error.ZMQError: Cannot assign requested address (addr='tcp://10.0.0.99:20001')",
  },
  {
    code: "LS403",
    lines:
      "RuntimeError: [enforce fail at /pytorch/third_party/gloo/gloo/transport/tcp/device.cc:84] ifa != nullptr. Unable to find address for: eth9",
  },
  { code: "LS403", lines: "zmq.error.ZMQError: No such device (addr='tcp://bond7:5600')" },
  {
    code: "LS404",
    lines: `${worker} RuntimeError: Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:144] no error`,
  },
  {
    code: "LS405",
    lines:
      "[E331 20:50:12.688969421 socket.cpp:1011] [c10d] The client socket has timed out after 600000ms while trying to connect to (10.0.0.18, 38321).",
  },
  { code: "LS406", lines: "socket.gaierror: [Errno -3] Temporary failure in name resolution" },
  {
    code: "LS501",
    lines:
      'E0927 16:05:11.000000   977 transfer_executor_base.cpp:263] Failed to connect to target: 10.0.0.19:20032, status: 103900, errmsg: Config_Error_Invalid_Environment_Variable(EI0001): Value localhost for environment variable HCCL_IF_IP is invalid. Expected value: "ip[%ifname]".',
    also: ["LS702"],
  },
  {
    code: "LS502",
    lines:
      "EI0002: [PID: 88] 2026-02-01-10:00:00.000.000 The wait execution of the Notify register times out. Reason: The Notify register has not received the Notify record from remote rank: [3].",
  },
  {
    code: "LS503",
    lines:
      "[PID: 22768] 2026-06-10-21:15:33.570.442 Config_Error_Ranktable(E10014): Value /usr/local/Ascend/driver/topo/950/atlas_350_3.json for ranktable variable topo_file path is invalid. Expected value: valid path.",
  },
  {
    code: "LS503",
    lines:
      "EI0004: [PID: 12] 2026-02-01-10:00:00.000.000 The ranktable or rank is invalid,Reason:[The ranktable check is failed]. Please check the configured ranktable. [/user/global.json]",
  },
  {
    code: "LS504",
    lines:
      "EI0005: [PID: 12] 2026-02-01-10:00:00.000.000 The arguments for collective communication are inconsistent between ranks: tag [HcomAllReduce], parameter [count], local [1024], remote [512]",
  },
  {
    code: "LS505",
    lines:
      "[PID: 749] 2025-12-29-03:16:15.787.356 Get_Socket_Timeout(EI0006): Getting socket times out. Reason: 1. The remote does not initiate a connect request. some NPUs in the cluster are abnormal.",
  },
  {
    code: "LS505",
    lines:
      "[ERROR] HCCL(106335,):2026-05-21-21:39:58.706.572 [hccl_socket_manager.cc:796] [128659][Wait][LinkEstablish]wait socket establish timeout, role[0] rank[0] timeout[120 s]",
  },
  {
    code: "LS506",
    lines:
      "EI0007: [PID: 12] 2026-02-01-10:00:00.000.000 Failed to allocate resource[DeviceMemory] with info [size: 209715200].",
  },
  {
    code: "LS507",
    lines:
      "EI0008: The CANN versions are inconsistent: tag [HcomAllReduce_6629421139219749105_0], local_version [1.83.T10.0.B206], remote_version [1.83.T10.0.B207]",
  },
  {
    code: "LS508",
    lines:
      "[rank1]: EI0009: [PID: 2225827] 2025-09-24-20:59:48.119.066 Transport init error. Reason: [Create][DestLink]Create Dest error! createLink para:rank[1]-localUserrank[1]-localIpAddr[172.16.0.114], dst_rank[0]-remoteUserrank[0]-remote_ip_addr[172.16.0.114]",
  },
  {
    code: "LS509",
    lines:
      "[PID: 3448331] 2025-12-04-21:59:08.232.310 Execution Error ROCE CQE(EI0013): An error CQE occurred during operator execution. Local information: server 10.0.0.18, device ID 0, device IP 29.0.0.4.",
  },
  {
    code: "LS510",
    lines:
      '[ERROR] HCCL(1041085,python3):2025-11-21-01:20:01.630.122 [topoinfo_exchange_base.cc:145] [1041085][InitGroupStage][RanktableDetect] TopoDetect ERROR occur !!! fault_type[1], fault_info["Failed to connect agent[1,3,5,7,]"]',
  },
  {
    code: "LS511",
    lines:
      "[rank0]: RuntimeError: createHCCLComm:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:1479 HCCL function error: HcclGetRootInfo(&hcclID), error code is 11\n[rank0]: EJ0003: [PID: 159] 2025-03-26-17:01:02.816.428 Failed to bind the IP port. Reason: The IP address and port have been bound already.",
  },
  {
    code: "LS511",
    lines:
      "[ERROR] HCCL(60570,):2025-12-04-14:46:07.911.312 [hccl_socket.cc:106] [60570][HcclSocket][Listen] socket type[0], listen on ip[29.0.0.4] and specific port[16666] fail. Please check the port status and whether the port is being used by other process.",
  },
  {
    code: "LS512",
    lines:
      "EJ0001: [PID: 9] 2026-02-01-10:00:00.000.000 Failed to initialize the HCCP process. Reason: Maybe the last training process is running.",
  },
  {
    code: "LS513",
    lines:
      "[ERROR] HCCP(1609,python3):2023-10-19-12:33:13.313.594 [ra_host.c:544]tid:1609,ra_rdev_init_check_ip(544) : [check][ip]fail, ret(-16) the IP address(29.4.84.36) in the ranktable is inconsistent with the IP(29.4.76.85)address of the network adapter, please make sure they're consistent. num(1)",
  },
  {
    code: "LS514",
    lines:
      "[rank1]: EI0003: [PID: 12] 2026-02-01-10:00:00.000.000 In HcclAllReduce, value 0 for parameter count is invalid.",
  },
  {
    code: "LS514",
    lines:
      "RuntimeError: InnerRunOpApi:torch_npu/csrc/framework/OpParamMaker.cpp:281 HCCL function error: HcclAllreduce, error code is 6",
  },
  {
    code: "LS601",
    lines: `${sync}507015\nEZ9999[PID: 244584] 2026-01-06-19:37:15.407.487 (EZ9999):  The error from device(chipId:4, dieId:1), serial number is 91, there is an exception of fftsplus aivector error, core id is 40, error code = 0`,
    also: ["LS611"],
  },
  { code: "LS602", lines: `${sync}507018` },
  {
    code: "LS603",
    lines: `${worker} RuntimeError: synchronize:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:361 NPU function error: c10_npu::acl::AclrtSynchronizeStreamWithTimeout(stream()), error code is 507011`,
  },
  { code: "LS604", lines: `${sync}507046` },
  { code: "LS605", lines: `${sync}507054` },
  { code: "LS606", lines: `${sync}507057` },
  {
    code: "LS607",
    lines:
      "        [drv api]halMemCreate failed drvRetCode=17, size=20971520(bytes), flags=0, ErrCode=507899, desc=[driver error:internal error], InnerCode=0x7020022[FUNC:MallocPhysical][FILE:npu_driver_mem.cc][LINE:345]",
  },
  {
    code: "LS608",
    lines:
      "        Device[0] lost heartbeat.[FUNC:SyncTask][FILE:direct_hwts_engine.cc][LINE:407]\n[PID: 379] 2026-05-01-10:59:07.429.194 Device_Absent/Abnormal(EL0001): Device not found or invalid.",
  },
  {
    code: "LS609",
    lines: "[PID: 379] 2026-05-01-10:59:07.429.194 Resource_Busy(EL0005): The resources are busy.",
  },
  {
    code: "LS610",
    lines:
      "[rank0]: RuntimeError: EZ9999: Inner Error!\n[rank0]: EZ9999: [PID: 62938] 2025-05-27-06:52:12.455.807 numHeads / numKvHeads = 8, MLA only support {32, 64, 128}.[FUNC:CheckMlaAttrs][FILE:incre_flash_attention_tiling_check.cc][LINE:1218]",
    also: ["LS611"],
  },
  { code: "LS611", lines: `${core} ERR99999 UNKNOWN application exception` },
  {
    code: "LS701",
    lines:
      "(EngineCore_DP0 pid=5704) ERROR 01-06 06:43:02 [mooncake_connector.py:330] Failed to transfer KV cache for request cmpl-118b93ed-a3b2-4d9f-a26d-1d5dce6d7bf2-0: Mooncake transfer failed, ret: -1",
  },
  {
    code: "LS702",
    lines:
      "E20260106 06:43:02.966156  5793 ascend_direct_transport.cpp:820] Failed to connect to target: 172.17.0.16:25482, status: 103900",
  },
  {
    code: "LS702",
    lines:
      "E20260608 14:45:44.404089 342420 ascend_direct_transport.cpp:1107] Connect timeout to: 10.0.0.2:20033, you can increase the timeout duration to reduce the ASCEND_CONNECT_TIMEOUT environment variable.",
  },
  {
    code: "LS703",
    lines:
      "E0729 06:58:33.001 23436 hccl_transport.cpp:41] failed to open /etc/hccn.conf: No such file or directory",
  },
  { code: "LS703", lines: "terminate called: '/etc/hccn.conf' can not be found" },
  {
    code: "LS704",
    lines: "ImportError: ascend_transport.so: cannot open shared object file: No such file or directory",
  },
  {
    code: "LS705",
    lines:
      "ValueError: KV transfer 'prefill' config has a conflicting data parallel size. Expected 1, but got 2.",
  },
  { code: "LS706", lines: `${core} ValueError: Unsupported connector type: MooncakeHybridConnector` },
  {
    code: "LS707",
    lines:
      "(Worker_TP0 pid=77) ERROR 08-27 01:01:36 [mooncake_connector.py:235] Force freed expired request: chatcmpl-1. Reason: Request exceeded timeout threshold (480 seconds). Action: Resources have been forcibly released to prevent memory leak.",
  },
  {
    code: "LS707",
    lines:
      "(Worker pid=77) WARNING 08-27 01:01:36 [base_worker.py:3032] Releasing expired KV blocks for request cmpl-7 which were retrieved by 0 remote worker(s) before lease expired.",
  },
  {
    code: "LS707",
    lines:
      "(APIServer pid=23484) INFO 11-28 22:16:49 [metrics.py:103] KV Transfer metrics: Num successful transfers=0, Avg xfer time (ms)=0, Num failed transfers=0, Num KV expired reqs=4, Num notifs after expiry=0",
  },
  {
    code: "LS708",
    lines:
      "ERROR 08-27 01:01:36 [mooncake_connector.py:1480] Failed to receive ACK for request. request_id=cmpl-1, source=10.0.0.18:20001. ",
  },
  {
    code: "LS709",
    lines:
      "RuntimeError: NIXL compatibility hash mismatch. Local: 1f, Remote: 2e. Prefill and decode instances have incompatible configurations.",
  },
  {
    code: "LS710",
    lines: `${worker} nixl._bindings.nixlRemoteDisconnectError: NIXL_ERR_REMOTE_DISCONNECT`,
  },
  {
    code: "LS710",
    lines:
      "[1749803291.555759] [prefill-0:7053 :0]          tcp_ep.c:1260 UCX  ERROR tcp_ep 0x3c502370 (state=CONNECTED): send(110) failed: Input/output error",
  },
  { code: "LS711", lines: "ERROR 08-27 01:01:36 [base_worker.py:513] NIXL is not available" },
  {
    code: "LS712",
    lines:
      "(Worker_DP0_TP4_EP4 pid=852061) llm_datadist.status.LLMException: [link] failed, error code is LLMStatusCode.LLM_LINK_FAILED, {5: 0, 21: 1}.",
  },
  {
    code: "LS713",
    lines:
      "ERROR 08-27 01:01:36 [mooncake_layerwise_connector.py:1158] Failed to connect to metaserver. url=http://10.0.0.18:9000/v1/metaserver, retry=3. ",
  },
  {
    code: "LS714",
    lines:
      "ERROR 08-27 01:01:36 [scheduler.py:3418] Failing 1 request(s) due to KV load failure (failure_policy=fail, 128 tokens affected). Request IDs: {'cmpl-1'}",
  },
  {
    code: "LS715",
    lines:
      "WARNING 08-27 01:01:36 [pull_scheduler.py:180] Got invalid KVTransferParams: {}. This request will not utilize KVTransfer",
  },
  {
    code: "LS716",
    lines:
      "W0828 01:41:15.002805    73 topology.cpp:156] No RDMA devices found, check your device installation",
  },
  {
    code: "LS801",
    lines:
      "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
  },
  {
    code: "LS802",
    lines:
      "ERROR 08-27 01:01:36 [multiproc_executor.py:316] Worker proc VllmWorker-3 died unexpectedly (exit code: -9), shutting down executor.",
  },
  {
    code: "LS803",
    lines:
      "ERROR 08-28 02:33:28 [async_llm.py:416] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
  },
  {
    code: "LS804",
    lines: `${core} TimeoutError: RPC call to execute_model timed out.`,
  },
  {
    code: "LS805",
    lines:
      "(EngineCore_DP2 pid=1071) INFO 07-21 06:27:44 [shm_broadcast.py:466] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging or doing some time-consuming work (e.g. compilation, weight/kv cache quantization).",
  },
  {
    code: "LS806",
    lines: '!!!!!!! Segfault encountered !!!!!!!\n  File "<unknown>", line 0, in acl::rtStreamSync',
  },
  {
    code: "LS807",
    lines:
      '  File "/vllm-workspace/vllm/vllm/distributed/kv_transfer/kv_connector/v1/nixl/base_worker.py", line 3110, in _handle_failed_transfer\nIndexError: list index out of range',
  },
];
