/** Of the scheduler: all are 0 when nobody asks and nothing is left. */
export const GAUGES = [
  "ascend_pd_requests_in_flight",
  "ascend_pd_requests_waiting",
  "ascend_pd_connections",
  "ascend_pd_buffered_bytes",
  "ascend_pd_instance_in_flight",
  "ascend_pd_instance_kv_held",
];
