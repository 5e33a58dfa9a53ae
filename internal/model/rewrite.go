package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lladav/internal/tensor"
)

// An Objective is what a model was trained for, and so how it writes.
type Objective uint8

// A model of Diffusion fills masked cells and sees in both directions. One of Autoregressive, the paper's control, sees
// what is before and predicts the next token. The key "objective" in config.json says which; it is ours, and published
// checkpoints do not have it.
const (
	Diffusion Objective = iota
	Autoregressive
)

// objectives are the words for them.
var objectives = []string{Diffusion: "diffusion", Autoregressive: "autoregressive"}

func (o Objective) String() string { return objectives[o] }

// ParseObjective returns the objective of that name; "" is Diffusion.
func ParseObjective(name string) (Objective, error) {
	i := slices.Index(objectives, cmp.Or(name, objectives[Diffusion]))
	if i < 0 {
		return 0, fmt.Errorf("objective is %.40q, it must be %s", name, strings.Join(objectives, " or "))
	}
	return Objective(i), nil
}

// torchTypes are the words of config.json for the types of weights.
var torchTypes = map[tensor.DType]string{tensor.BF16: "bfloat16", tensor.F16: "float16", tensor.F32: "float32"}

// TorchType returns config.json's word for a type of weights, "" for a type that is none.
func TorchType(t tensor.DType) string { return torchTypes[t] }

// TrainedConfig returns a config.json that says what the model was trained for and the type of its weights, a word of
// TorchType. Everything else stays.
func TrainedConfig(data []byte, o Objective, dtype string) ([]byte, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil || keys == nil {
		return nil, fmt.Errorf("not a JSON object: %w", cmp.Or(err, errors.New("null")))
	}
	delete(keys, "objective")
	if o != Diffusion {
		keys["objective"] = json.RawMessage(strconv.Quote(o.String()))
	}
	delete(keys, newDType)
	keys["torch_dtype"] = json.RawMessage(strconv.Quote(dtype))
	text, err := json.MarshalIndent(keys, "", "  ")
	return append(text, '\n'), err
}

// newDType is the newer name of the key torch_dtype, which the code of LLaDA-V does not know.
const newDType = "dtype"

// originalKeys are those of LLaDA-8B-Instruct's configuration that the published one has other keys for, or no need of.
var originalKeys = []string{
	"d_model", "mlp_hidden_size", "n_layers", "n_heads", "n_kv_heads", "max_sequence_length", "embedding_size", "mlp_ratio",
	"activation_type", "block_type", "block_group_size", "layer_norm_type", "rope", "alibi", "attention_layer_norm",
	"bias_for_layer_norm", "include_bias", "include_qkv_bias", "input_emb_norm", "multi_query_attention", "scale_logits",
	"weight_tying", "layer_norm_with_affine", "attention_layer_norm_with_affine", "alibi_bias_max", "attention_dropout",
	"embedding_dropout", "residual_dropout", "flash_attention", "init_cutoff_factor", "init_device", "init_fn", "init_std",
	"precision", "rope_full_precision",
}

// PublishedConfig returns a config.json in the form of LLaDA-V for a model that data describes, c after parsing. What
// this package does not read stays as it is. dtype, if not "", is the type of the weights.
func PublishedConfig(data []byte, c *Config, dtype string) ([]byte, error) {
	var keys map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&keys); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, ok := keys["d_model"]; ok {
		for _, key := range originalKeys {
			delete(keys, key)
		}
		for key, v := range map[string]any{
			"vocab_size": c.VocabSize, "hidden_size": c.HiddenSize, "intermediate_size": c.IntermediateSize,
			"num_hidden_layers": c.NumHiddenLayers, "num_attention_heads": c.NumAttentionHeads,
			"num_key_value_heads": c.NumKeyValueHeads, "max_position_embeddings": c.MaxPositionEmbeddings,
			"hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": false, "rope_scaling": nil,
		} {
			keys[key] = v
		}
	}
	delete(keys, "objective")
	if c.Objective != Diffusion {
		keys["objective"] = c.Objective.String()
	}
	if dtype != "" {
		delete(keys, newDType)
		keys["torch_dtype"] = dtype
	}
	text, err := json.MarshalIndent(keys, "", "  ")
	return append(text, '\n'), err
}
