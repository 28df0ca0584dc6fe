import type { LogSignature } from "../signature.ts";

const engineArguments = "https://docs.vllm.ai/en/latest/configuration/engine_args/";

/** The model's files, and what the engine is told of it. */
export const model: readonly LogSignature[] = [
  {
    code: "LS201",
    severity: "error",
    rank: "cause",
    title: "the engine does not know an argument, or its value",
    pattern:
      /error: (?:unrecognized arguments: -{0,2}[\w.-]{1,60}|argument -{1,2}[\w./-]{1,120}: (?:invalid|expected|not allowed))/,
    cause: "The argument is of another version of the engine, is misspelt, or its JSON is broken.",
    fix: "correct `extraArgs` in the stack file; `docker run --rm IMAGE vllm serve --help=all` lists what this version takes",
    source: engineArguments,
  },
  {
    code: "LS202",
    severity: "error",
    rank: "cause",
    title: "maxModelLen is larger than the model can",
    pattern: /max_model_len \(\d{1,12}\) is (?:greater|larger) than the derived max_model_len/,
    cause: "The model's config.json allows fewer positions than the stack file asks for.",
    fix: "lower `model.maxModelLen` to what the message says, or use weights with a longer context (rope scaling)",
    source: engineArguments,
  },
  {
    code: "LS203",
    severity: "error",
    rank: "cause",
    title: "the tensor-parallel size does not divide the model",
    pattern:
      /Total number of attention heads \(\d{1,6}\) must be divisible by tensor parallel size \(\d{1,4}\)|must be divisible by (?:the )?tensor(?: model)? parallel size|is not divisible by (?:weight )?(?:block_n|tp_size|world_size)/,
    cause: "The number of NPUs of an instance must divide the heads, and the quantized blocks, of the model.",
    fix: "give the instance a number of `devices` that divides them, mostly a power of two",
    source: engineArguments,
  },
  {
    code: "LS204",
    severity: "error",
    rank: "cause",
    title: "this vLLM does not know the model's architecture",
    pattern:
      /Model architectures \[([^\]\n]{0,200})\] are not supported for now|but Transformers does not recognize this architecture|has no vLLM implementation and the Transformers implementation is not compatible/,
    cause: "The model is newer than the image, or its config.json names another architecture.",
    fix: "use an image that lists the model as supported, and compare `architectures` in its config.json",
    source: "https://docs.vllm.ai/en/latest/models/supported_models/",
  },
  {
    code: "LS205",
    severity: "error",
    rank: "cause",
    title: "the model brings code of its own, which is not allowed to run",
    pattern:
      /contains custom code which must be executed to correctly load the model|requires you to execute the (?:configuration|tokenizer|model) file|set(?:ting)? (?:the option )?`trust_remote_code=True`/,
    cause: "Without --trust-remote-code no file of the model's folder is executed.",
    fix: "read that code; then add --trust-remote-code to the engine's arguments, or use a vLLM that knows the model itself",
    source: engineArguments,
  },
  {
    code: "LS206",
    severity: "error",
    rank: "cause",
    title: "the quantization that is asked for is not that of the weights",
    pattern:
      /Quantization method specified in the model config \([\w.-]{1,40}\) does not match the quantization method specified in the `quantization` argument|Unknown quantization method: [\w.-]{1,40}|quantization method [\w.-]{1,40} is not supported for/,
    cause:
      "--quantization names another method than the model's config.json has, or one that this platform lacks.",
    fix: "leave --quantization out for weights that say it themselves; `ascend` is for those that ModelSlim wrote",
    source: "https://docs.vllm.ai/projects/ascend/en/latest/user_guide/feature_guide/quantization.html",
  },
  {
    code: "LS207",
    severity: "error",
    rank: "cause",
    title: "the weights are not quantized as Ascend's quantization expects",
    pattern:
      /ERROR: ModelSlim Quantization Config Not Found|There is no available ascend quantizer|Cannot find the config file for ascend|vLLM Ascend doesn't support quant_type=\w{1,20}|Could not determine quantization type for layer|KeyError: '[\w.]{1,160}\.(?:weight_scale|weight_offset|input_scale|input_offset|deq_scale|quant_bias)'|Detected some but not all shards of/,
    cause:
      "--quantization ascend is set for weights without (or with another) quant_model_description.json, or the format is newer than the image.",
    fix: "drop --quantization for original weights; else use weights that ModelSlim quantized for this version, with that file beside them",
    source: "https://github.com/vllm-project/vllm-ascend/issues/633",
  },
  {
    code: "LS208",
    severity: "error",
    rank: "cause",
    title: "there are no weights in the model's folder",
    pattern:
      /Cannot find any model weights with `[^`\n]{1,200}`|Error no file named [\w., ]{1,200} found in directory/,
    cause:
      "The folder is mounted, but holds no *.safetensors: another folder, a download that is not done, or the wrong host.",
    fix: "put the weights where `model.path` says on every host; `ascend-pd doctor` looks at the folder (HC503, HC504)",
    source:
      "https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/model_loader/default_loader.py",
  },
  {
    code: "LS209",
    severity: "error",
    rank: "cause",
    title: "a file of weights is broken",
    pattern:
      /Error while deserializing header: ?[\w ]{1,40}|SafetensorError: [\w ]{1,60}|PytorchStreamReader failed reading zip archive|version https:\/\/git-lfs\.github\.com\/spec/,
    cause: "A download was cut short, or the file is a Git LFS pointer of a few bytes and not the weights.",
    fix: "compare the size and checksum of each file with those where they came from, and fetch what differs anew (`git lfs pull`)",
    source: "https://github.com/huggingface/transformers/issues/27923",
  },
  {
    code: "LS210",
    severity: "error",
    rank: "cause",
    title: "the model's folder is not in the container",
    pattern:
      /Invalid repository ID or local directory specified|Repo id must (?:be in the form|use alphanumeric chars)|does not appear to have a file named config\.json|Can't load the configuration of|No such file or directory: '[^'\n]{1,200}\/(?:config|generation_config|model\.safetensors\.index)\.json'/,
    cause:
      "`model.path` is a path in the container; nothing is mounted there, so vLLM takes it for a name on a hub.",
    fix: "let the work folder, or a mount, of the stack file cover `model.path`, and see that config.json is in it (HC503, HC504)",
    source: "https://github.com/vllm-project/vllm/blob/main/vllm/transformers_utils/config.py",
  },
  {
    code: "LS211",
    severity: "error",
    rank: "cause",
    title: "the model's tokenizer is missing",
    pattern:
      /Can't load tokenizer for '[^'\n]{1,200}'|Couldn't instantiate the backend tokenizer|No such file or directory: '[^'\n]{1,200}\/(?:tokenizer|tokenizer_config|vocab)\.\w{2,5}'/,
    cause:
      "tokenizer.json or tokenizer.model was not copied with the weights, or needs a package that the image lacks.",
    fix: "copy every file of the model's folder, not the weights alone",
    source: "https://huggingface.co/docs/transformers/main_classes/tokenizer",
  },
  {
    code: "LS212",
    severity: "error",
    rank: "cause",
    title: "the engine wants to download the model, and cannot",
    pattern:
      /couldn't connect to '?https:\/\/[\w.-]{1,80}|LocalEntryNotFoundError|OfflineModeIsEnabled|host='?(?:huggingface\.co|hf-mirror\.com|(?:www\.)?modelscope\.cn)'?|Failed to download file [\w.]{1,80} from/,
    cause: "The model is not on the host, or not whole, and the hub is not reachable from there.",
    fix: "copy the whole model to the host and mount it; HF_HUB_OFFLINE=1 makes the engine say at once what is missing",
    source:
      "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables#hfhuboffline",
  },
  {
    code: "LS213",
    severity: "error",
    rank: "cause",
    title: "a file may not be read or written",
    pattern: /PermissionError: \[Errno 13\] Permission denied: '(?!\/dev\/)[^'\n]{1,200}'/,
    cause:
      "The container's user has no right to it: weights of another owner, or a folder that is mounted read-only or as root.",
    fix: "let everybody read the model's folder and its files (HC505), and let caches lie where the container's user may write",
    source: "https://docs.python.org/3/library/exceptions.html#PermissionError",
  },
  {
    code: "LS214",
    severity: "error",
    rank: "cause",
    title: "the weights are not those of this model",
    pattern:
      /Following weights were not initialized from checkpoint|size mismatch for [\w.]{1,160}|Attempted to load weight \(|There is no module or parameter named '[\w.]{1,160}'/,
    cause: "config.json and weights are of different models or versions, or some shards are missing.",
    fix: "fetch the whole folder anew from one place and version",
    source:
      "https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/model_loader/default_loader.py",
  },
  {
    code: "LS215",
    severity: "error",
    rank: "cause",
    title: "the storage under the weights fails",
    pattern:
      /\[Errno (?:5|107|116|121)\] (?:Input\/output error|Transport endpoint is not connected|Stale file handle|Remote I\/O error)/,
    cause:
      "A disk is broken, or a network file system was taken away or mounted anew while the container ran.",
    fix: "look at `dmesg` and the mount on the host; mount it again, then start the container anew: it keeps the old mount",
    source: "https://docs.python.org/3/library/errno.html",
  },
];
