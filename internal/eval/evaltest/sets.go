package evaltest

import "fmt"

// one is the name of the only shard of a split.
func one(split string) string { return split + "-00000-of-00001.parquet" }

// oneHashed is that as older tools wrote it.
func oneHashed(split string) string { return split + "-00000-of-00001-725687bf7a18d64b.parquet" }

// repos returns the files of each repository.
func repos() map[string][]file {
	return map[string][]file{
		"lmms-lab/MMMU":            {rows("data/"+one("validation"), mmmu()...)},
		"MMMU/MMMU_Pro":            {rows("standard (10 options)/"+one("test"), mmmuPro()...), rows("vision/"+one("test"), mmmuVision()...)},
		"Lin-Chen/MMStar":          {rows("mmstar.parquet", mmstar()...)},
		"lmms-lab/ai2d":            {rows("data/"+one("test"), ai2d()...)},
		"lmms-lab/SEED-Bench":      {rows("data/test-00000-of-00002.parquet", seed()[:2]...), rows("data/test-00001-of-00002.parquet", seed()[2:]...)},
		"lmms-lab/MMBench":         {rows("en/"+one("dev"), mmbench()...)},
		"lmms-lab/MME":             {rows("data/"+oneHashed("test"), mme()...)},
		"lmms-lab/RealWorldQA":     {rows("data/"+one("test"), realWorld()...)},
		"MUIRBENCH/MUIRBENCH":      {rows("data/"+one("test"), muir()...)},
		"lmms-lab/ChartQA":         {rows("data/"+one("test"), chart()...)},
		"lmms-lab/DocVQA":          {rows("DocVQA/"+one("validation"), docs()...), rows("InfographicVQA/"+one("validation"), docs()...)},
		"AI4Math/MathVista":        {rows("data/"+oneHashed("testmini"), mathVista()...)},
		"CaraJ/MathVerse-lmmseval": mathVerse(),
		"lmms-lab/POPE":            {rows("data/"+one("test"), pope()...)},
		"echo840/OCRBench":         {rows("data/"+one("test"), ocr()...)},
		"lmms-lab/Video-MME":       {rows("videomme/"+one("test"), videoMME()...), frames("data/clip1.mp4")},
		"sy1998/MLVU_dev":          {rows("mlvu/"+one("test"), mlvu()...), frames("video/count_1.mp4")},
		"OpenGVLab/MVBench":        mvbench(),
	}
}

type mmmuRow struct {
	ID          string   `parquet:"id"`
	Question    string   `parquet:"question"`
	Options     string   `parquet:"options"`
	Explanation string   `parquet:"explanation"`
	Image1      *Picture `parquet:"image_1,optional"`
	Image2      *Picture `parquet:"image_2,optional"`
	Image3      *Picture `parquet:"image_3,optional"`
	Image4      *Picture `parquet:"image_4,optional"`
	Image5      *Picture `parquet:"image_5,optional"`
	Image6      *Picture `parquet:"image_6,optional"`
	Image7      *Picture `parquet:"image_7,optional"`
	ImgType     string   `parquet:"img_type"`
	Answer      string   `parquet:"answer"`
	Difficulty  string   `parquet:"topic_difficulty"`
	Type        string   `parquet:"question_type"`
	Subfield    string   `parquet:"subfield"`
}

// picture is Draw for columns that may be null.
func picture(n int) *Picture { p := Draw(n); return &p }

func mmmu() []mmmuRow {
	return []mmmuRow{
		{ID: "validation_Art_1", Question: "How many discs are in <image 1>?", Options: `['one', 'two', "three's", 'four']`, Image1: picture(2), Answer: "B",
			Type: "multiple-choice", ImgType: "['Drawings']", Difficulty: "Easy", Subfield: "Drawing"},
		{ID: "validation_Math_2", Question: "Which of the two has more discs?", Options: `['<image 1>', '<image 2>']`, Image1: picture(1), Image2: picture(4),
			Answer: "B", Type: "multiple-choice", ImgType: "['Drawings']", Difficulty: "Medium", Subfield: "Counting"},
		{ID: "validation_Physics_3", Question: "How many discs are there? <image 1>", Options: `[]`, Image1: picture(3), Answer: "3",
			Type: "open", ImgType: "['Drawings']", Difficulty: "Hard", Subfield: "Counting"},
	}
}

type mmmuProRow struct {
	ID          string   `parquet:"id"`
	Question    string   `parquet:"question"`
	Options     string   `parquet:"options"`
	Explanation string   `parquet:"explanation"`
	Image1      *Picture `parquet:"image_1,optional"`
	Image2      *Picture `parquet:"image_2,optional"`
	Image3      *Picture `parquet:"image_3,optional"`
	Image4      *Picture `parquet:"image_4,optional"`
	Image5      *Picture `parquet:"image_5,optional"`
	Image6      *Picture `parquet:"image_6,optional"`
	Image7      *Picture `parquet:"image_7,optional"`
	ImgType     string   `parquet:"img_type"`
	Answer      string   `parquet:"answer"`
	Difficulty  string   `parquet:"topic_difficulty"`
	Subject     string   `parquet:"subject"`
}

func mmmuPro() (list []mmmuProRow) {
	const options = `['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']`
	for n := range 3 {
		list = append(list, mmmuProRow{ID: fmt.Sprintf("test_Art_%d", n), Question: "How many discs does <image 1> show?", Options: options,
			Image1: picture(n), Answer: string(rune('A' + n)), Subject: []string{"Art", "Math", "Art"}[n], ImgType: "['Drawings']", Difficulty: "Easy"})
	}
	return list
}

type visionRow struct {
	ID      string  `parquet:"id"`
	Image   Picture `parquet:"image"`
	Options string  `parquet:"options"`
	Answer  string  `parquet:"answer"`
	Subject string  `parquet:"subject"`
}

func mmmuVision() (list []visionRow) {
	for n := range 3 {
		list = append(list, visionRow{fmt.Sprintf("test_Math_%d", n), Draw(n), `['0', '1', '2']`, string(rune('A' + n)), "Math"})
	}
	return list
}

type mmstarRow struct {
	Index    int64      `parquet:"index"`
	Question string     `parquet:"question"`
	Image    []byte     `parquet:"image"`
	Answer   string     `parquet:"answer"`
	Category string     `parquet:"category"`
	L2       string     `parquet:"l2_category"`
	Meta     mmstarMeta `parquet:"meta_info"`
}

type mmstarMeta struct {
	Source string `parquet:"source"`
	Split  string `parquet:"split"`
	Path   string `parquet:"image_path"`
}

func mmstar() (list []mmstarRow) {
	for n := range 4 {
		list = append(list, mmstarRow{int64(n), "How many discs are there?\nOptions: A: 0, B: 1, C: 2, D: 3", Draw(n).Bytes, string(rune('A' + n)),
			"math", []string{"numeric commonsense and calculation", "geometry"}[n%2], mmstarMeta{"drawn", "val", "images/0.jpg"}})
	}
	return list
}

type ai2dRow struct {
	Question string   `parquet:"question"`
	Options  []string `parquet:"options,list"`
	Answer   string   `parquet:"answer"`
	Image    Picture  `parquet:"image"`
}

func ai2d() (list []ai2dRow) {
	for n := range 3 {
		list = append(list, ai2dRow{"How many discs are in the diagram?", []string{"none", "one", "two", "three"}, fmt.Sprint(n), Draw(n)})
	}
	return list
}

type seedRow struct {
	Answer   string    `parquet:"answer"`
	A        string    `parquet:"choice_a"`
	B        string    `parquet:"choice_b"`
	C        string    `parquet:"choice_c"`
	D        string    `parquet:"choice_d"`
	DataID   string    `parquet:"data_id"`
	DataType string    `parquet:"data_type"`
	Question string    `parquet:"question"`
	ID       string    `parquet:"question_id"`
	TypeID   int32     `parquet:"question_type_id"`
	Image    []Picture `parquet:"image,list"`
}

func seed() (list []seedRow) {
	for n := range 4 {
		r := seedRow{"A", "discs", "cats", "dogs", "birds", fmt.Sprint("data", n), "image", "What is shown?", fmt.Sprint(n), int32(n), []Picture{Draw(n)}}
		if n == 3 {
			r.DataType, r.Image = "video", []Picture{Draw(1), Draw(2), Draw(3)}
		}
		list = append(list, r)
	}
	return list
}

type mmbenchRow struct {
	Index    int64   `parquet:"index"`
	Question string  `parquet:"question"`
	Hint     string  `parquet:"hint"`
	Answer   string  `parquet:"answer"`
	A        string  `parquet:"A"`
	B        string  `parquet:"B"`
	C        string  `parquet:"C"`
	D        string  `parquet:"D"`
	Category string  `parquet:"category"`
	Image    Picture `parquet:"image"`
	Source   string  `parquet:"source"`
	L2       string  `parquet:"L2-category"`
	Comment  string  `parquet:"comment"`
	Split    string  `parquet:"split"`
}

func mmbench() []mmbenchRow {
	r := mmbenchRow{Index: 1, Question: "How many discs?", Hint: "nan", Answer: "B", A: "one", B: "two", C: "nan", D: "nan", Category: "object_localization",
		Image: Draw(2), Source: "drawn", L2: "finegrained_perception (instance-level)", Comment: "nan", Split: "dev"}
	turned := r
	turned.Index, turned.Answer, turned.A, turned.B = 1000001, "A", "two", "one"
	other := r
	other.Index, other.Hint, other.Answer, other.Image = 2, "Count the discs.", "A", Draw(1)
	return []mmbenchRow{r, turned, other}
}

type mmeRow struct {
	ID       string  `parquet:"question_id"`
	Image    Picture `parquet:"image"`
	Question string  `parquet:"question"`
	Answer   string  `parquet:"answer"`
	Category string  `parquet:"category"`
}

func mme() (list []mmeRow) {
	for n, category := range []string{"count", "OCR", "numerical_calculation"} {
		id := fmt.Sprintf("%s/%04d.png", category, n)
		list = append(list, mmeRow{id, Draw(n), "Are there discs in the image? Please answer yes or no.", "Yes", category},
			mmeRow{id, Draw(n), "Is there a cat in the image? Please answer yes or no.", "No", category})
	}
	return list
}

type realWorldRow struct {
	Image    Picture `parquet:"image"`
	Path     string  `parquet:"image_path"`
	Question string  `parquet:"question"`
	Answer   string  `parquet:"answer"`
}

func realWorld() []realWorldRow {
	return []realWorldRow{
		{Draw(2), "a.png", "Where are the discs?\n\nA. Left\nB. Right\nPlease answer directly with only the letter of the correct option and nothing else.", "A"},
		{Draw(1), "b.png", "How many discs are there? Please answer directly with a single word or number.", "1"},
	}
}

type muirRow struct {
	Index   string    `parquet:"idx"`
	Task    string    `parquet:"task"`
	Rel     string    `parquet:"image_relation"`
	Type    string    `parquet:"image_type"`
	Q       string    `parquet:"question"`
	Options []string  `parquet:"options,list"`
	Answer  string    `parquet:"answer"`
	Images  []Picture `parquet:"image_list,list"`
	Counter string    `parquet:"counterpart_idx"`
}

func muir() []muirRow {
	return []muirRow{
		{"0", "Counting", "Ordered_Pages", "Drawings", "<image> <image> Which has more discs?", []string{"the first", "the second"}, "B", []Picture{Draw(1), Draw(3)}, "1"},
		{"1", "Visual Retrieval", "Complementary", "Drawings", "Which of these shows two discs?", []string{"<image>", "<image>", "None of the choices provided"}, "A",
			[]Picture{Draw(2), Draw(4)}, "0"},
	}
}

type chartRow struct {
	Type     string  `parquet:"type"`
	Question string  `parquet:"question"`
	Answer   string  `parquet:"answer"`
	Image    Picture `parquet:"image"`
}

func chart() []chartRow {
	return []chartRow{
		{"human_test", "How many discs are there?", "2", Draw(2)},
		{"augmented_test", "What share is red?", "12.5%", Draw(3)},
		{"augmented_test", "Is the ground blue?", "Yes", Draw(1)},
	}
}

type docRow struct {
	ID       string   `parquet:"questionId"`
	Question string   `parquet:"question"`
	Types    []string `parquet:"question_types,list"`
	Image    Picture  `parquet:"image"`
	DocID    int64    `parquet:"docId"`
	UCSF     string   `parquet:"ucsf_document_id"`
	Page     string   `parquet:"ucsf_document_page_no"`
	Answers  []string `parquet:"answers,list"`
	Split    string   `parquet:"data_split"`
}

func docs() []docRow {
	return []docRow{
		{"1", "What is drawn?", []string{"layout"}, Draw(2), 7, "x", "1", []string{"discs", "two discs"}, "val"},
		{"2", "How many discs?", []string{"figure/diagram"}, Draw(3), 8, "y", "1", []string{"3"}, "val"},
	}
}

type mathVistaRow struct {
	PID       string        `parquet:"pid"`
	Question  string        `parquet:"question"`
	Path      string        `parquet:"image"`
	Image     Picture       `parquet:"decoded_image"`
	Choices   []string      `parquet:"choices,list"`
	Unit      *string       `parquet:"unit,optional"`
	Precision *float64      `parquet:"precision,optional"`
	Answer    string        `parquet:"answer"`
	Type      string        `parquet:"question_type"`
	AType     string        `parquet:"answer_type"`
	Meta      mathVistaMeta `parquet:"metadata"`
	Query     string        `parquet:"query"`
}

type mathVistaMeta struct {
	Category string   `parquet:"category"`
	Context  string   `parquet:"context"`
	Grade    string   `parquet:"grade"`
	Height   int64    `parquet:"img_height"`
	Width    int64    `parquet:"img_width"`
	Language string   `parquet:"language"`
	Skills   []string `parquet:"skills,list"`
	Source   string   `parquet:"source"`
	Split    string   `parquet:"split"`
	Task     string   `parquet:"task"`
}

func mathVista() []mathVistaRow {
	meta := mathVistaMeta{"math-targeted-vqa", "synthetic scene", "elementary school", 48, 64, "english", []string{"arithmetic reasoning"}, "drawn", "testmini", "figure question answering"}
	unit, precision := "cm", 1.0
	return []mathVistaRow{
		{"1", "How many discs?", "images/1.jpg", Draw(2), []string{"1", "2", "3"}, nil, nil, "2", "multi_choice", "text", meta, "How many discs?"},
		{"2", "How wide is it?", "images/2.jpg", Draw(3), nil, &unit, &precision, "6.4", "free_form", "float", meta, "How wide is it?"},
		{"3", "How many discs?", "images/3.jpg", Draw(1), nil, nil, nil, "1", "free_form", "integer", meta, "How many discs?"},
	}
}

type mathVerseRow struct {
	Sample  string        `parquet:"sample_index"`
	Problem string        `parquet:"problem_index"`
	Version string        `parquet:"problem_version"`
	Q       string        `parquet:"question"`
	Image   Picture       `parquet:"image"`
	Answer  string        `parquet:"answer"`
	Type    string        `parquet:"question_type"`
	Meta    mathVerseMeta `parquet:"metadata"`
	Without string        `parquet:"query_wo"`
	CoT     string        `parquet:"query_cot"`
	Eval    string        `parquet:"question_for_eval"`
}

type mathVerseMeta struct {
	Split    string `parquet:"split"`
	Source   string `parquet:"source"`
	Subject  string `parquet:"subject"`
	Subfield string `parquet:"subfield"`
}

func mathVerse() (files []file) {
	for k, version := range []string{"Vision Intensive", "Vision Dominant", "Vision Only"} {
		split := []string{"vision_intensive", "vision_dominant", "vision_only"}[k]
		meta := mathVerseMeta{"testmini", "drawn", "Plane Geometry", "Area"}
		ask := "Count the discs and give the answer as Answer: xxx."
		choose, count := "Choices:\nA:1\nB:2", "How many?"
		row := func(n int, q, answer, kind string) mathVerseRow {
			shown := q
			if split == "vision_only" { // the question is in the picture
				shown = ""
			}
			return mathVerseRow{fmt.Sprint(k + 10*n), fmt.Sprint(n), version, shown, Draw(k + n), answer, kind, meta, ask, ask, q}
		}
		files = append(files, rows("testmini_"+split+".parquet", row(1, choose, "A", "multi-choice"), row(2, count, "2", "free-form")))
	}
	return files
}

type popeRow struct {
	ID       string  `parquet:"id"`
	QID      string  `parquet:"question_id"`
	Question string  `parquet:"question"`
	Answer   string  `parquet:"answer"`
	Source   string  `parquet:"image_source"`
	Image    Picture `parquet:"image"`
	Category string  `parquet:"category"`
}

func pope() (list []popeRow) {
	for n, category := range []string{"adversarial", "popular", "random"} {
		list = append(list, popeRow{fmt.Sprint(n), fmt.Sprint(n), "Is there a disc in the image?", []string{"yes", "no"}[n%2], "drawn", Draw(n), category})
	}
	return list
}

type ocrRow struct {
	Dataset  string   `parquet:"dataset"`
	Question string   `parquet:"question"`
	Type     string   `parquet:"question_type"`
	Answer   []string `parquet:"answer,list"`
	Image    Picture  `parquet:"image"`
}

func ocr() []ocrRow {
	return []ocrRow{
		{"IIIT5K", "what is written in the image?", "Regular Text Recognition", []string{"DISC"}, Draw(2)},
		{"HME100k", "Please write out the expression of the formula in the image using LaTeX format.", "Handwritten Mathematical Expression Recognition", []string{"x ^ 2"}, Draw(1)},
	}
}

type videoMMERow struct {
	Video    string   `parquet:"video_id"`
	Duration string   `parquet:"duration"`
	Domain   string   `parquet:"domain"`
	Sub      string   `parquet:"sub_category"`
	URL      string   `parquet:"url"`
	VideoID  string   `parquet:"videoID"`
	ID       string   `parquet:"question_id"`
	Task     string   `parquet:"task_type"`
	Question string   `parquet:"question"`
	Options  []string `parquet:"options,list"`
	Answer   string   `parquet:"answer"`
}

func videoMME() []videoMMERow {
	r := videoMMERow{"001", "short", "Knowledge", "Drawing", "", "clip1", "001-1", "Counting Problem", "How many discs come?", []string{"A. 1.", "B. 2.", "C. 3.", "D. 4."}, "C"}
	other := r
	other.ID, other.Question, other.Answer = "001-2", "What colour is the ground?", "A"
	return []videoMMERow{r, other}
}

type mlvuRow struct {
	Video    string  `parquet:"video_name"`
	Duration float64 `parquet:"duration"`
	Question string  `parquet:"question"`
	Answer   string  `parquet:"answer"`
	Task     string  `parquet:"task_type"`
}

func mlvu() []mlvuRow {
	return []mlvuRow{
		{"count_1.mp4", 3, "How many discs?\n(A) 1\n(B) 2", "A", "count"},
		{"count_1.mp4", 3, "What is shown?\n(A) discs\n(B) cats", "A", "plotQA"},
	}
}

// mvbench has the twenty configurations, one question each.
func mvbench() []file {
	type row struct {
		Video      string   `json:"video"`
		Question   string   `json:"question"`
		Candidates []string `json:"candidates"`
		Answer     string   `json:"answer"`
	}
	files := []file{frames("clevrer/video_validation/one.mp4")}
	for _, config := range []string{
		"action_sequence", "action_prediction", "action_antonym", "fine_grained_action", "unexpected_action", "object_existence", "object_interaction",
		"object_shuffle", "moving_direction", "action_localization", "scene_transition", "action_count", "moving_count", "moving_attribute", "state_change",
		"fine_grained_pose", "character_order", "egocentric_navigation", "episodic_reasoning", "counterfactual_inference",
	} {
		files = append(files, lines("json/"+config+".json", []row{{"one.mp4", "What moves?", []string{"a disc", "a cat", "nothing"}, "a disc"}}))
	}
	return files
}
