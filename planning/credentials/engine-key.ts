/** The variable by which vLLM is given the key that it asks for; this repository's scheduler shows engines what it holds. */
export const engineKey = "VLLM_API_KEY";
