//go:build ignore

// Scenes_tokenizer trains the tokenizer of the shipped model, on the questions and answers of the training pictures.
//
//	go run scripts/token/scenes_tokenizer.go FOLDER
package main

import (
	"log"
	"os"
	"path/filepath"

	"lladav/internal/scenes"
	"lladav/internal/token/train"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run scripts/token/scenes_tokenizer.go FOLDER")
	}
	tokenizer, config, err := train.Train(scenes.Texts(1, 20000), 2000)
	if err != nil {
		log.Fatal(err)
	}
	for name, b := range map[string][]byte{"tokenizer.json": tokenizer, "tokenizer_config.json": config} {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), b, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
