package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav"
)

// TestWanted checks which files of a repository a task reads, by names that the hub lists.
func TestWanted(t *testing.T) {
	for _, c := range []struct {
		task     *Task
		yes, not []string
	}{
		{mathvista, []string{"data/testmini-00000-of-00001-725687bf7a18d64b.parquet"}, []string{"data/test-00000-of-00002-6b81bd7f7e2065e6.parquet", "images.zip"}},
		{mathverse, []string{"testmini_vision_only.parquet", "testmini_vision_dominant.parquet"}, []string{"testmini.parquet", "testmini_text_only.parquet"}},
		{mme, []string{"data/test-00003-of-00004-53ae1794f93b1e35.parquet"}, []string{"README.md"}},
		{mmmuProStandard, []string{"standard (10 options)/test-00000-of-00002.parquet"}, []string{"standard (4 options)/test-00000-of-00002.parquet", "vision/test-00000-of-00004.parquet"}},
		{mmstar, []string{"mmstar.parquet"}, []string{"MMStar.tsv"}},
		{infovqaVal, []string{"InfographicVQA/validation-00000-of-00002.parquet"}, []string{"DocVQA/validation-00000-of-00006.parquet", "InfographicVQA/train-00000-of-00024.parquet"}},
		{pope, []string{"data/test-00002-of-00003.parquet"}, []string{"Full/random-00000-of-00001.parquet"}},
		{videomme, []string{"videomme/test-00000-of-00001.parquet", "videos_chunked_20.zip"}, []string{"subtitle.zip"}},
		{mlvuDev, []string{"mlvu/test-00000-of-00001.parquet", "video_part_8.zip"}, []string{".gitattributes"}},
		{mvbench, []string{"json/moving_count.json", "vlnqa/1.mp4", "FunQA_test/test/test_magic/a.mp4", "star/Charades_segment/x.mp4", "video/sta.zip"}, []string{"json/readme.md", "test.json", "assert/data.png"}},
	} {
		for _, f := range c.yes {
			if !c.task.Wanted(f) {
				t.Errorf("%s does not want %s", c.task.Name, f)
			}
		}
		for _, f := range c.not {
			if c.task.Wanted(f) {
				t.Errorf("%s wants %s", c.task.Name, f)
			}
		}
	}
}

// TestShards checks that a missing file is noticed by the names of the others, with and without a hash in them.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	s := Subset{Files: []string{"*.parquet"}}
	put := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, hash := range [][2]string{{"", ""}, {"-0123456789abcdef", "-fedcba9876543210"}} {
		first, second := "a-00000-of-00002"+hash[0]+".parquet", "a-00001-of-00002"+hash[1]+".parquet"
		put(first)
		_, err := s.find(dir)
		if lladav.KindOf(err) != lladav.NotFound || !strings.Contains(err.Error(), "a-00001-of-00002") {
			t.Errorf("%s alone: %v", first, err)
		}
		put(second)
		if got, err := s.find(dir); err != nil || !slices.Equal(got, []string{first, second}) {
			t.Errorf("%q, %v", got, err)
		}
		for _, name := range []string{first, second} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDataDirs checks that a revision is no part of a folder's name.
func TestDataDirs(t *testing.T) {
	if got := DataDirs(mvbench, "d"); got[0] != filepath.Join("d", "OpenGVLab", "MVBench") || got[1] != filepath.Join("d", "MVBench") {
		t.Errorf("%q", got)
	}
}

// TestVideoEndings checks that a video is found under another ending than the document gives it, if there is none under it.
func TestVideoEndings(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.mp4", "a.mkv", "b.MP4"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	videos, err := openArchives(dir, []string{"*"})
	if err != nil || len(videos.names) != 0 {
		t.Fatalf("%q, %v", videos.names, err)
	}
	for name, want := range map[string]string{"a.mp4": "a.mp4", "b.mp4": "b.MP4", "c.mp4": ""} {
		m, err := videos.open(name)
		if (err == nil) != (want != "") || err == nil && filepath.Base(m.Path) != want {
			t.Errorf("%s: %+v, %v; want %s", name, m, err, want)
		}
	}
}
