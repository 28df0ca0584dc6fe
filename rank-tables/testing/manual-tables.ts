/** The rank tables of the manual's 1p1d, step one, with its masked addresses filled in. For tests. */
export const manualGlobalTable = `{
    "version": "1.0",
    "status": "completed",
    "server_group_list": [
        {
            "group_id": "0",
            "server_count": "1",
            "server_list": [
                {
                    "server_id": "10.0.0.18",
                    "server_ip": "10.0.0.18"
                }
            ]
        },
        {
            "group_id": "1",
            "server_count": "1",
            "server_list": [
                {
                    "server_id": "10.0.0.18",
                    "server_ip": "10.0.0.18",
                    "device": [
                        {
                            "device_id": "4",
                            "device_ip": "29.0.0.22",
                            "rank_id": "0"
                        },
                        {
                            "device_id": "5",
                            "device_ip": "29.0.0.23",
                            "rank_id": "1"
                        }
                    ]
                }
            ]
        },
        {
            "group_id": "2",
            "server_count": "1",
            "server_list": [
                {
                    "server_id": "10.0.0.18",
                    "server_ip": "10.0.0.18",
                    "device": [
                        {
                            "device_id": "6",
                            "device_ip": "29.0.0.56",
                            "rank_id": "0"
                        },
                        {
                            "device_id": "7",
                            "device_ip": "29.0.0.72",
                            "rank_id": "1"
                        }
                    ]
                }
            ]
        }
    ]
}`;

/** Of its decode instance. */
export const manualLocalTable = `{
    "version": "1.0",
    "status": "completed",
    "group_id": "0",
    "server_count": "1",
    "server_list": [
        {
            "server_id": "10.0.0.18",
            "server_ip": "10.0.0.18",
            "device": [
                {
                    "device_id": "6",
                    "device_ip": "29.0.0.56",
                    "rank_id": "0"
                },
                {
                    "device_id": "7",
                    "device_ip": "29.0.0.72",
                    "rank_id": "1"
                }
            ]
        }
    ]
}`;
