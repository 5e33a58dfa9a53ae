package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
)

// A galleryLine has the pictures of a sample, small, as URLs that hold them.
type galleryLine struct {
	Number   int      `json:"doc_id"`
	Pictures []string `json:"pictures"`
}

// maxGalleryPictures bounds the pictures of one sample.
const maxGalleryPictures = 4

// WriteGallery puts small copies of the pictures of at most n samples of each task into the folder dir, for a report:
// results alone have no pictures, and the data may be gone when somebody wants to see what the model saw. shrink returns a
// small picture as a URL, or "" for what is no picture.
func (r *Report) WriteGallery(dir string, n int, shrink func(data []byte) string) error {
	for _, t := range r.Tasks {
		chosen := t.choose(n)
		if len(chosen) == 0 {
			continue
		}
		name := filepath.Join(dir, fmt.Sprintf("%s_gallery_%s.jsonl", r.stamp(), t.Task.Name))
		err := writeFile(name, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			for _, i := range chosen {
				if err := enc.Encode(galleryLine{t.Samples[i].Number, t.pictures(i, shrink)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// choose returns samples from all over the task, half of them wrong ones where there are as many.
func (t *TaskResult) choose(n int) (list []int) {
	var right, wrong []int
	for i := range t.Samples {
		if t.Samples[i].Result.Score > 0 {
			right = append(right, i)
		} else {
			wrong = append(wrong, i)
		}
	}
	w := min(len(wrong), max(n/2, n-len(right)))
	chosen := map[int]bool{}
	for _, part := range [][]int{spread(wrong, w), spread(right, n-w)} {
		for _, i := range part {
			chosen[i] = true
		}
	}
	for i := range t.Samples {
		if chosen[i] {
			list = append(list, i)
		}
	}
	return list
}

// spread returns n elements of a list at even distances.
func spread(list []int, n int) []int {
	n = min(n, len(list))
	out := make([]int, n)
	for k := range out {
		out[k] = list[k*len(list)/n]
	}
	return out
}

// pictures returns those of a sample; one that cannot be read has none.
func (t *TaskResult) pictures(i int, shrink func([]byte) string) []string {
	list := []string{}
	doc, err := t.Docs.Full(i)
	if err != nil {
		return list
	}
	p, err := t.Task.Ask(doc)
	if err != nil {
		return list
	}
	for _, m := range p.Media {
		if m.Image == nil || len(list) == maxGalleryPictures {
			continue
		}
		if u := shrink(m.Image.Data); u != "" {
			list = append(list, u)
		}
	}
	return list
}
