"""Reads arguments of `vllm serve` as vLLM and vllm-ascend would, as far as these import without NPUs.

    python parse.py < vectors.json > readings.json

vLLM's own parser and configuration are called, and so is vllm-ascend's list of connectors. What imports torch_npu, which
needs CANN's libraries, is not imported: the functions that read a configuration are cut out of those files and called.
"""

import ast
import json
import os
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

answers, sys.stdout = sys.stdout, sys.stderr

import vllm  # noqa: E402
from vllm import envs  # noqa: E402
from vllm.distributed.kv_transfer.kv_connector.factory import KVConnectorFactory  # noqa: E402
from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: E402
from vllm.entrypoints.cli.serve import ServeSubcommand  # noqa: E402
from vllm.entrypoints.openai.cli_args import validate_parsed_serve_args  # noqa: E402
from vllm.usage.usage_lib import UsageContext  # noqa: E402
from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: E402
from vllm_ascend.distributed.kv_transfer import register_connector  # noqa: E402

register_connector()
[ascend] = [Path(folder) for folder in find_spec("vllm_ascend").submodule_search_locations]

CONTEXT = {"max_position_embeddings": 40960, "num_attention_heads": 64, "num_key_value_heads": 8}
DENSE = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **CONTEXT}
MIXTURE = {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", **CONTEXT}


class Watched(dict):
    """Knows which of its keys, and of those in them, somebody has asked for."""

    def __init__(self, items: dict):
        super().__init__({key: Watched(one) if isinstance(one, dict) else one for key, one in items.items()})
        self.asked = set()

    def get(self, key, default=None):
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key):
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        self.asked.add(key)
        return super().__contains__(key)

    def unread(self, place: str = "") -> list[str]:
        inner = [path for key, one in self.items() if isinstance(one, Watched) for path in one.unread(f"{place}{key}.")]
        return [place + key for key in self.keys() if key not in self.asked] + inner


def run(file: Path, statements: list[ast.stmt], names: dict) -> dict:
    later = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    module = ast.fix_missing_locations(ast.Module([later, *statements], []))
    exec(compile(module, file, "exec"), names)
    return names


def tree(file: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def check_sizes(config) -> None:
    """What NPUPlatform calls before an engine starts: a role's sizes are those of its own arguments."""
    file = ascend / "utils.py"
    [check] = [node for node in tree(file) if isinstance(node, ast.FunctionDef) and node.name == "check_kv_extra_config"]
    run(file, [check], {})["check_kv_extra_config"](config)


def connector(config) -> dict:
    """The sizes that a connector's worker reads, and the ports on which an instance's workers listen."""
    name = config.kv_transfer_config.kv_connector
    # What is registered is a closure over the module's name.
    module = next(
        cell.cell_contents
        for cell in KVConnectorFactory._registry[name].__closure__
        if str(cell.cell_contents).startswith("vllm_ascend.")
    )
    file = ascend.parent / f"{module.replace('.', '/')}.py"
    reader = "_get_prefill_decode_size"
    [methods] = [
        found
        for node in tree(file)
        if isinstance(node, ast.ClassDef)
        and reader in (found := {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)})
    ]
    read = SimpleNamespace()
    run(file, [methods[reader]], {})[reader](read, config)
    wanted = ["self.side_channel_port", "device_index", "self.handshake_port"]
    port = [
        node
        for node in ast.walk(methods["__init__"])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in wanted
    ]
    assert [ast.unparse(node.targets[0]) for node in port] == wanted, f"{file} counts ports otherwise"
    parallel = config.parallel_config
    tp, pp = parallel.tensor_parallel_size, parallel.pipeline_parallel_size
    ports = []
    first = parallel.data_parallel_rank
    for rank in range(parallel.data_parallel_size_local * pp * tp):
        parallel.data_parallel_rank = first + rank // (pp * tp)
        worker = SimpleNamespace(tp_size=tp, pp_size=pp, pcp_size=1, pcp_rank=0)
        worker.pp_rank, worker.tp_rank = rank // tp % pp, rank % tp
        run(file, port, {"self": worker, "vllm_config": config})
        ports.append(worker.handshake_port)
    return {"sizes": {key.strip("_"): value for key, value in vars(read).items()}, "ports": ports}


def configured(args, folder: str) -> dict:
    args.model = folder
    # Else the connector's module is imported to see whether it takes several kinds of cache, and the method's for "ascend".
    args.disable_hybrid_kv_cache_manager, args.quantization = False, None
    config = AsyncEngineArgs.from_cli_args(args).create_engine_config(
        UsageContext.OPENAI_API_SERVER, headless=args.headless
    )
    transfer, parallel, scheduler = config.kv_transfer_config, config.parallel_config, config.scheduler_config
    watched = transfer.kv_connector_extra_config = Watched(transfer.kv_connector_extra_config)
    assert transfer.engine_id, "it has no engine_id"
    check_sizes(config)
    return {
        "served_model_name": config.model_config.served_model_name,
        "max_model_len": config.model_config.max_model_len,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "tensor_parallel_size": parallel.tensor_parallel_size,
        "pipeline_parallel_size": parallel.pipeline_parallel_size,
        "data_parallel_size": parallel.data_parallel_size,
        "data_parallel_size_local": parallel.data_parallel_size_local,
        "data_parallel_rank": parallel.data_parallel_rank,
        "data_parallel_master_ip": parallel.data_parallel_master_ip,
        "data_parallel_rpc_port": parallel.data_parallel_rpc_port,
        "enable_expert_parallel": parallel.enable_expert_parallel,
        "kv_connector": transfer.kv_connector,
        "kv_role": transfer.kv_role,
        **connector(config),
        "unread": watched.unread(),
    }


def variables(env: dict) -> dict:
    """The values of vLLM's own variables, as it reads them."""
    os.environ.update(env)
    try:
        return {name: envs.environment_variables[name]() for name in env if name.startswith("VLLM_")}
    except KeyError as unknown:
        raise ValueError(f"vLLM knows no variable {unknown}") from unknown
    finally:
        for name in env:
            del os.environ[name]


def reading(root, serve, vector: dict, folders: dict) -> dict:
    try:
        args = root.parse_args(vector["arguments"])
        validate_parsed_serve_args(args)
        values = {
            one.dest: vars(args)[one.dest]
            for one in serve._actions
            if vars(args).get(one.dest, one.default) != one.default
        }
        # What is an object by now is told by `configured`.
        parsed = {key: value for key, value in values.items() if isinstance(value, str | int | float | list)}
        config = configured(args, folders[args.enable_expert_parallel])
        return {"parsed": parsed, "config": config, "env": variables(vector["env"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def refuse(message: str) -> None:
    raise ValueError(message)


def unimportable(*modules: str) -> dict:
    reasons = {}
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            reasons[module] = str(error)
    return reasons


def main() -> None:
    root = FlexibleArgumentParser()
    serve = ServeSubcommand().subparser_init(root.add_subparsers())
    root.error = serve.error = refuse
    with TemporaryDirectory() as place:
        folders = {}
        for has_experts, fields in ((False, DENSE), (True, MIXTURE)):
            folder = Path(place, fields["model_type"])
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps(fields), encoding="utf-8")
            folders[has_experts] = str(folder)
        readings = [reading(root, serve, vector, folders) for vector in json.load(sys.stdin)]
    told = {
        "versions": {"vllm": vllm.__version__, "vllm-ascend": metadata.version("vllm-ascend")},
        "flags": {option: action.dest for action in serve._actions for option in action.option_strings},
        "unimportable": unimportable(
            "vllm_ascend.platform", "vllm_ascend.distributed.kv_transfer.kv_p2p.mooncake_connector"
        ),
        "readings": readings,
    }
    json.dump(told, answers)


main()
