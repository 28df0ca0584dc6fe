/*
 * Every name of a metric that a dashboard or an alert asks for stands here and nowhere else. Tests hold those of the scheduler
 * and of the engines to what the scheduler and the simulator export.
 */

/** Of this repository's scheduler. */
export const scheduler = {
  ready: "ascend_pd_ready",
  buildInfo: "ascend_pd_build_info",
  requests: "ascend_pd_requests_total",
  requestsInFlight: "ascend_pd_requests_in_flight",
  requestsWaiting: "ascend_pd_requests_waiting",
  connections: "ascend_pd_connections",
  connectionsRefused: "ascend_pd_connections_refused_total",
  bufferedBytes: "ascend_pd_buffered_bytes",
  timeToFirstToken: "ascend_pd_time_to_first_token_seconds",
  timePerOutputToken: "ascend_pd_time_per_output_token_seconds",
  legs: "ascend_pd_leg_seconds",
  answerBytes: "ascend_pd_answer_bytes_total",
  promptTokens: "ascend_pd_prompt_tokens_total",
  cachedTokens: "ascend_pd_cached_tokens_total",
  generatedTokens: "ascend_pd_generated_tokens_total",
  recomputed: "ascend_pd_recomputed_total",
  givenBack: "ascend_pd_given_back_total",
  instanceReady: "ascend_pd_instance_ready",
  instanceHealthy: "ascend_pd_instance_healthy",
  instanceStalled: "ascend_pd_instance_stalled",
  instanceBroken: "ascend_pd_instance_broken",
  instanceUnproven: "ascend_pd_instance_unproven",
  quarantinedPairs: "ascend_pd_instance_quarantined_pairs",
  canaries: "ascend_pd_instance_canaries_total",
  instanceDraining: "ascend_pd_instance_draining",
  instanceInFlight: "ascend_pd_instance_in_flight",
  kvHeld: "ascend_pd_instance_kv_held",
  kvAbandoned: "ascend_pd_instance_kv_abandoned_total",
  kvReleased: "ascend_pd_instance_kv_released_total",
  kvExpired: "ascend_pd_instance_kv_expired_total",
  served: "ascend_pd_instance_served_total",
  failures: "ascend_pd_instance_failures_total",
  promptSources: "ascend_pd_instance_prompt_tokens_total",
  transferShare: "ascend_pd_instance_transfer_share",
  computesPrompts: "ascend_pd_instance_computes_prompts",
  workerDeaths: "ascend_pd_worker_deaths_total",
  spans: "ascend_pd_spans_total",
  eventLoopLag: "ascend_pd_event_loop_lag_seconds",
} as const;

/** Of an instance: vLLM's, which the simulator exports too. */
export const engine = {
  running: "vllm:num_requests_running",
  waiting: "vllm:num_requests_waiting",
  kvUsage: "vllm:kv_cache_usage_perc",
  /** Its name before version 1 of vLLM's engine. */
  kvUsageBefore: "vllm:gpu_cache_usage_perc",
  promptTokens: "vllm:prompt_tokens_total",
  generationTokens: "vllm:generation_tokens_total",
  prefixQueries: "vllm:prefix_cache_queries_total",
  prefixHits: "vllm:prefix_cache_hits_total",
  success: "vllm:request_success_total",
  timeToFirstToken: "vllm:time_to_first_token_seconds",
} as const;

/** Of npu-exporter, by its documentation; nothing here can run it. */
export const npuExporter = {
  utilization: "npu_chip_info_utilization",
  memoryUsed: "npu_chip_info_hbm_used_memory",
  memoryTotal: "npu_chip_info_hbm_total_memory",
  temperature: "npu_chip_info_temperature",
  power: "npu_chip_info_power",
  health: "npu_chip_info_health_status",
} as const;

/** What Prometheus itself records of each target. */
export const up = "up";
