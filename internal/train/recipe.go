package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Recipe says what is trained, on what, how, and where to. Its keys are those of the Hugging Face trainer where that
// has them. Parse gives what a file leaves out the values of NewRecipe.
type Recipe struct {
	Model  ModelRecipe  `yaml:"model"`
	Data   DataRecipe   `yaml:"data"`
	Train  TrainRecipe  `yaml:"train"`
	Output OutputRecipe `yaml:"output"`
}

// ModelRecipe chooses the model, what of it learns, and for what.
type ModelRecipe struct {
	Path        string     `yaml:"path"`         // a directory or a name in the hub cache
	Tune        []string   `yaml:"tune"`         // parts that learn: connector, language, vision
	VisionLR    float64    `yaml:"vision_lr"`    // of the tower; 0: train.learning_rate
	ConnectorLR float64    `yaml:"connector_lr"` // of the connector and the newline vector; 0: train.learning_rate
	LoRA        LoRARecipe `yaml:"lora"`
	Objective   string     `yaml:"objective"` // diffusion or autoregressive
}

// LoRARecipe adds low-rank products to the language model's matrices and trains those instead.
type LoRARecipe struct {
	Rank    int      `yaml:"rank"` // 0: none
	Alpha   float64  `yaml:"alpha"`
	Targets []string `yaml:"target_modules"` // names as q_proj; empty: all seven of a layer
}

// DataRecipe chooses the samples and their form.
type DataRecipe struct {
	Mix              string   `yaml:"mix"`  // a data file, a mix, or a pattern of shards
	Eval             string   `yaml:"eval"` // the same, for the validation loss; empty: none
	ImageRoot        []string `yaml:"image_root"`
	Template         string   `yaml:"template"` // chat, or plain: picture and caption
	MaxLength        int      `yaml:"max_length"`
	Frames           int      `yaml:"frames_upbound"` // of a video
	ConversationMask bool     `yaml:"conversation_mask"`
	GroupByLength    bool     `yaml:"group_by_length"`
	InferenceLayout  bool     `yaml:"inference_layout"` // without the newline behind pictures, which the reference drops when it answers
	PadAnswer        int      `yaml:"pad_answer"`       // cells that the last answer fills with ends of turn; 0: none, as the reference
	Workers          int      `yaml:"dataloader_num_workers"`
}

// TrainRecipe is the optimisation.
type TrainRecipe struct {
	LearningRate  float64 `yaml:"learning_rate"`
	BatchSize     int     `yaml:"per_device_train_batch_size"`
	Accumulation  int     `yaml:"gradient_accumulation_steps"`
	Epochs        float64 `yaml:"num_train_epochs"`
	MaxSteps      int     `yaml:"max_steps"` // 0: num_train_epochs decides
	Scheduler     string  `yaml:"lr_scheduler_type"`
	WarmupRatio   float64 `yaml:"warmup_ratio"`
	WarmupSteps   int     `yaml:"warmup_steps"` // 0: warmup_ratio decides
	WeightDecay   float64 `yaml:"weight_decay"`
	Beta1         float64 `yaml:"adam_beta1"`
	Beta2         float64 `yaml:"adam_beta2"`
	Epsilon       float64 `yaml:"adam_epsilon"`
	MaxGradNorm   float64 `yaml:"max_grad_norm"` // 0: no clipping
	Checkpointing bool    `yaml:"gradient_checkpointing"`
	DType         string  `yaml:"dtype"`     // of the weights that learn: float32, or bfloat16 with float32 master copies
	NoiseMin      float64 `yaml:"noise_min"` // t, the share of cells that are hidden, is uniform in noise_min … noise_max; the reference: 0 … 1
	NoiseMax      float64 `yaml:"noise_max"`
	EvalSteps     int     `yaml:"eval_steps"`
	Seed          uint64  `yaml:"seed"`
}

// OutputRecipe says where things go and how often.
type OutputRecipe struct {
	Dir            string   `yaml:"dir"`
	LoggingSteps   int      `yaml:"logging_steps"`
	SaveSteps      int      `yaml:"save_steps"`
	SaveTotalLimit int      `yaml:"save_total_limit"` // 0: all are kept
	ReportTo       []string `yaml:"report_to"`        // tensorboard, jsonl
}

// NewRecipe returns the values of the published scripts (section 5.2 of the paper's notes) and the trainer's defaults.
func NewRecipe() Recipe {
	return Recipe{
		Model: ModelRecipe{Tune: []string{"connector", "language", "vision"}, LoRA: LoRARecipe{Alpha: 16}, Objective: "diffusion"},
		Data:  DataRecipe{Template: "chat", MaxLength: 8192, Frames: 32, GroupByLength: true, Workers: 2},
		Train: TrainRecipe{
			LearningRate: 1e-5, BatchSize: 1, Accumulation: 1, Epochs: 1, Scheduler: "cosine", WarmupRatio: 0.03,
			Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, MaxGradNorm: 1, Checkpointing: true, DType: "float32", NoiseMax: 1, Seed: 42,
		},
		Output: OutputRecipe{LoggingSteps: 1, SaveSteps: 5000, SaveTotalLimit: 1, ReportTo: []string{"tensorboard", "jsonl"}},
	}
}

// Check reports every value that cannot be meant, a line each.
func (r *Recipe) Check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	rate := func(key string, x float64, low, high float64) {
		bad(x >= low && x <= high && !math.IsNaN(x), "%s is %v, it must be between %v and %v", key, x, low, high)
	}
	count := func(key string, n, low int) {
		bad(n >= low && n <= 1<<30, "%s is %d, it must be between %d and %d", key, n, low, 1<<30)
	}
	word := func(key, s string, of ...string) {
		bad(slices.Contains(of, s), "%s is %q, it must be one of %s", key, s, strings.Join(of, ", "))
	}
	bad(r.Model.Path != "", "model.path is missing: the checkpoint to start from")
	bad(r.Data.Mix != "", "data.mix is missing: the data to learn from")
	bad(r.Output.Dir != "", "output.dir is missing: where checkpoints go")
	bad(len(r.Model.Tune) > 0, "model.tune is empty, nothing would learn")
	for _, part := range r.Model.Tune {
		word("model.tune", part, "connector", "language", "vision")
	}
	rate("model.vision_lr", r.Model.VisionLR, 0, 1)
	rate("model.connector_lr", r.Model.ConnectorLR, 0, 1)
	rate("model.lora.alpha", r.Model.LoRA.Alpha, 0, 1e6)
	count("model.lora.rank", r.Model.LoRA.Rank, 0)
	for _, name := range r.Model.LoRA.Targets {
		word("model.lora.target_modules", name, loraTargets...)
	}
	word("model.objective", r.Model.Objective, "diffusion", "autoregressive")
	word("data.template", r.Data.Template, "chat", "plain")
	count("data.max_length", r.Data.MaxLength, 1)
	count("data.pad_answer", r.Data.PadAnswer, 0)
	count("data.frames_upbound", r.Data.Frames, 1)
	count("data.dataloader_num_workers", r.Data.Workers, 1)
	t := &r.Train
	rate("train.learning_rate", t.LearningRate, 0, 1)
	rate("train.num_train_epochs", t.Epochs, 0, 1e6)
	rate("train.warmup_ratio", t.WarmupRatio, 0, 1)
	rate("train.weight_decay", t.WeightDecay, 0, 1)
	rate("train.adam_beta1", t.Beta1, 0, 0.9999999)
	rate("train.adam_beta2", t.Beta2, 0, 0.9999999)
	rate("train.adam_epsilon", t.Epsilon, 1e-30, 1)
	rate("train.max_grad_norm", t.MaxGradNorm, 0, 1e9)
	rate("train.noise_max", t.NoiseMax, 0, 1)
	rate("train.noise_min", t.NoiseMin, 0, t.NoiseMax)
	count("train.per_device_train_batch_size", t.BatchSize, 1)
	count("train.gradient_accumulation_steps", t.Accumulation, 1)
	count("train.max_steps", t.MaxSteps, 0)
	count("train.warmup_steps", t.WarmupSteps, 0)
	count("train.eval_steps", t.EvalSteps, 0)
	word("train.lr_scheduler_type", t.Scheduler, schedulers...)
	word("train.dtype", t.DType, "float32", "bfloat16")
	count("output.logging_steps", r.Output.LoggingSteps, 1)
	count("output.save_steps", r.Output.SaveSteps, 1)
	count("output.save_total_limit", r.Output.SaveTotalLimit, 0)
	for _, s := range r.Output.ReportTo {
		word("output.report_to", s, "tensorboard", "jsonl")
	}
	return errors.Join(errs...)
}

// loraTargets are the matrices of a layer, as the published checkpoints name them.
var loraTargets = []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
