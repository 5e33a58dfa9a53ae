package eval

import (
	"fmt"
	"testing"
)

// A labelled is a made-up response of a kind that models write, with what a careful reader takes from it: for MathVista
// the answer in its normal form, "" for none; for MathVerse the verdict, "right" or "wrong".
type labelled struct {
	doc      Doc
	response string
	want     string
	misread  bool // the rules are known to disagree
}

// Documents to answer: questions with choices, and others by the kind of their answer.
var (
	elevenths = choiceDoc("3/11", "8/11", "6/11", "5/11")
	yesNo     = choiceDoc("Yes", "No")
	degrees   = choiceDoc("30°", "45°", "60°", "90°")
	colors    = choiceDoc("red", "blue", "dark red", "light green")
	lengths   = choiceDoc("√{3} cm", "2√{3} cm", "4 cm", "6 cm")
	countDoc  = Doc{"question_type": "free_form", "answer_type": "integer", "answer": "14"}
	tenthDoc  = Doc{"question_type": "free_form", "answer_type": "float", "precision": 1.0, "answer": "0.6"}
	centDoc   = Doc{"question_type": "free_form", "answer_type": "float", "precision": 2.0, "answer": "0.62"}
	listDoc   = Doc{"question_type": "free_form", "answer_type": "list", "answer": "[2007, 2008]"}
)

func choiceDoc(choices ...any) Doc {
	return Doc{"question_type": "multi_choice", "answer_type": "text", "choices": choices, "answer": choices[0]}
}

func verseDoc(gold string) Doc {
	return Doc{"question_type": "free-form", "question": "Find it.", "answer": gold}
}

func verseChoice(gold string, choices ...string) Doc {
	q := "Find it.\nChoices:"
	for i, c := range choices {
		q += "\n" + letter(i) + ":" + c
	}
	return Doc{"question_type": "multi-choice", "question": "", "question_for_eval": q, "answer": gold}
}

// vistaLabels and verseLabels are the responses that the rules were written with.
var vistaLabels = []labelled{
	{elevenths, "There are 11 marbles and 8 are blue. Answer: B", "8/11", false},
	{elevenths, "There are 11 marbles and 8 are blue.\n\nAnswer: (B) 8/11", "8/11", false},
	{elevenths, "**Answer: B**", "8/11", false},
	{elevenths, "**Answer:** 8/11", "8/11", false},
	{elevenths, "Answer: 8/11.", "8/11", false},
	{elevenths, "The probability is 8 out of 11. Therefore, the correct option is (B).", "8/11", false},
	{elevenths, "The correct option is B, since A and C are too small.", "8/11", false},
	{elevenths, "Answer: A because B is larger than one half.", "3/11", false},
	{elevenths, "The answer is C, not B.", "6/11", false},
	{elevenths, "Answer: B\nExplanation: the share given in A is that of red ones.", "8/11", false},
	{elevenths, "Answer: option d", "5/11", false},
	{elevenths, "So P(A) = 3/11 and the answer is C.", "6/11", false},
	{elevenths, "Answer: P(A) = 8/11", "8/11", false},
	{elevenths, `Answer: $\frac{8}{11}$`, "8/11", false},
	{elevenths, `The probability is $\boxed{\frac{6}{11}}$ as six of eleven are green.`, "6/11", false},
	{elevenths, "The bag holds eleven marbles of which", "", false},
	{elevenths, "8 of them are blue, 3 are red, which gives 8/11.\nAnswer:", "8/11", false},
	{elevenths, "Answer: none of the given options", "", false},
	{yesNo, "Blue is above red in every year. Answer: Yes", "Yes", false},
	{yesNo, "Answer: No, it is not the maximum.", "No", false},
	{yesNo, "Answer: yes.", "Yes", false},
	{yesNo, "Answer: (A)", "Yes", false},
	{yesNo, "No, the red line is lower than the blue one.", "No", false},
	{yesNo, "The bars show that it is not.", "No", true},
	{degrees, "Angles in a triangle add up to 180°, so x = 180 - 90 - 45 = 45.", "45°", false},
	{degrees, "Answer: 60 degrees", "60°", false},
	{degrees, `Answer: $30^\circ$`, "30°", false},
	{degrees, "Answer: C", "60°", false},
	{degrees, "Answer: ∠ABC = 90°", "90°", false},
	{degrees, "Answer: 50°", "", false},
	{colors, "Answer: The dark red bar", "dark red", false},
	{colors, "Answer: C. dark red", "dark red", false},
	{colors, "Answer: light green is larger than red", "light green", false},
	{colors, "A is red and B is blue. The tallest bar is blue.\nAnswer: blue", "blue", false},
	{colors, "Answer: Reddish", "", false},
	{lengths, `Answer: $2\sqrt{3}$ cm`, "2√{3} cm", false},
	{lengths, "Answer: 2√3", "2√{3} cm", false},
	{lengths, "Answer: 4", "4 cm", false},
	{lengths, "Answer: The length is 6 cm.", "6 cm", false},
	{countDoc, "I count 5 red and 9 blue ones. Answer: 14", "14", false},
	{countDoc, "Answer: 14 balls", "14", false},
	{countDoc, "Answer: 14 (5 + 9)", "14", false},
	{countDoc, "Answer: 5 + 9 = 14", "14", false},
	{countDoc, "Answer: The area is 24 cm^2.", "24", false},
	{countDoc, `Answer: $24\text{ cm}^2$`, "24", false},
	{countDoc, "Answer: 24 cm2", "24", false},
	{countDoc, "Answer: There are three left.", "3", false},
	{countDoc, "Answer: Seven", "7", false},
	{countDoc, "5 + 9 = 14, so there are fourteen. The answer is 14 since none was counted in 2 groups.", "14", false},
	{countDoc, "Answer: $1,200", "1200", false},
	{countDoc, "Answer: 1 200", "1200", true},
	{countDoc, "Answer: 45%", "45", false},
	{countDoc, "Answer: -3", "-3", false},
	{countDoc, "So the total is 14.\nAnswer:", "14", false},
	{countDoc, "There are too many to count", "", false},
	{countDoc, `\boxed{14} is what is left of 20.`, "14", false},
	{countDoc, "Answer: the difference between 2010 and 2012 is 30", "30", false},
	{countDoc, "Answer: 30 more in 2012 than in 2010", "30", false},
	{countDoc, "First, I look at the picture. There are 9 cylinders and 4 spheres. Subtracting all spheres leaves 9", "9", false},
	{tenthDoc, "Answer: 0.6", "0.6", false},
	{tenthDoc, "Answer: approximately 0.64 m/s^2", "0.6", false},
	{tenthDoc, "Answer: 3/5", "0.6", false},
	{tenthDoc, `Answer: $\frac{1}{2}$`, "0.5", false},
	{tenthDoc, "Answer: .5", "0.5", false},
	{tenthDoc, "v = 12.8 / 2 = 6.4, so the speed is 6.4 m/s.", "6.4", false},
	{centDoc, "Answer: Rs.1.25", "1.25", false},
	{centDoc, "Answer: $2.50 per kg (from $5 for 2 kg)", "2.5", false},
	{centDoc, "Answer: 2.345e2", "234.5", false},
	{listDoc, "Answer: [2007, 2008]", "[2007, 2008]", false},
	{listDoc, "Answer: [2007,2008].", "[2007, 2008]", false},
	{listDoc, "Answer: 2007 and 2008", "[2007, 2008]", false},
	{listDoc, "The sales fell in 2007, 2008", "[2007, 2008]", false},
	{listDoc, "Answer: the first two", "", false},
	{elevenths, "答案：B", "8/11", false},
	{countDoc, "共有14个。答案是14", "14", false},
}

var verseLabels = []labelled{
	{verseChoice("D", "2", "2√{3}", "√{3}", "10°"), "Answer: D", "right", false},
	{verseChoice("B", "2", "2√{3}", "√{3}", "10°"), `Answer: $2\sqrt{3}$`, "right", false},
	{verseChoice("C", "2", "2√{3}", "√{3}", "10°"), "Answer: B. 2√3", "wrong", false},
	{verseChoice("A", "65°", "60°", "55°", "50°"), "By symmetry the angle is 65 degrees.", "right", false},
	{verseChoice("A", "65°", "60°", "55°", "50°"), "∠AOB = 130°, so ∠C = 65°. The answer is A: 65°", "right", false},
	{verseChoice("B", "65°", "60°", "55°", "50°"), "Answer: A, as ∠B equals ∠C", "wrong", false},
	{verseChoice("B", "AB", "AC", "BC", "CD"), "Answer: AC", "right", false},
	{verseChoice("D", "4", "8", "12", "16"), "Answer: The area of the square is 4 × 4 = 16", "right", false},
	{verseChoice("D", "4", "8", "12", "16"), "I cannot tell.", "wrong", false},
	{verseDoc("5"), "Answer: 5", "right", false},
	{verseDoc("5"), "Answer: x = 5", "right", false},
	{verseDoc("5"), "Answer: The length of AB is 5 cm.", "right", false},
	{verseDoc("5"), "Answer: 5 cm, because the triangle is isosceles", "right", false},
	{verseDoc("5"), "Answer: 5√3", "wrong", false},
	{verseDoc("5"), "Answer: 5/2", "wrong", false},
	{verseDoc("5"), "Answer: 15", "wrong", false},
	{verseDoc("5"), "Therefore x equals 5.", "right", false},
	{verseDoc("5 cm"), "Answer: 5", "right", false},
	{verseDoc("60°"), "Answer: 60 degrees", "right", false},
	{verseDoc("60°"), `Answer: $\angle ABC = 60^\circ$`, "right", false},
	{verseDoc("60°"), "Answer: 30°", "wrong", false},
	{verseDoc("2√{3}"), `Answer: \(2\sqrt{3}\)`, "right", false},
	{verseDoc("2√{3}"), "Answer: 2 sqrt(3)", "right", false},
	{verseDoc("2√{3}"), "Answer: √12", "right", false},
	{verseDoc("2√{3}"), "Answer: 3√2", "wrong", false},
	{verseDoc(`\frac{1}{2}`), "Answer: 0.5", "right", false},
	{verseDoc(`\frac{1}{2}`), "Answer: 1/2", "right", false},
	{verseDoc("0.75"), `Answer: $\dfrac{3}{4}$`, "right", false},
	{verseDoc("12π"), `Answer: $12\pi$ square units`, "right", false},
	{verseDoc("12π"), "Answer: 12 pi cm²", "right", false},
	{verseDoc("12π"), "Answer: 37.7", "wrong", false},
	{verseDoc("y=2x+1"), "Answer: y = 2x + 1", "right", false},
	{verseDoc("y=2x+1"), "Answer: 2x+1", "right", false},
	{verseDoc("y=2x+1"), "Answer: y = x + 1", "wrong", false},
	{verseDoc("(-2,1]"), "Answer: The domain is (-2, 1]", "right", false},
	{verseDoc("(-2,1]"), "Answer: [-2, 1]", "wrong", false},
	{verseDoc("x>3"), "Answer: x > 3", "right", false},
	{verseDoc("1,000"), "Answer: 1000", "right", false},
	{verseDoc("50 cm"), "Answer: 0.5 m", "right", true},
	{verseDoc("3"), "Answer: three", "right", false},
	{verseDoc("7"), "Using Pythagoras, 49 = x², hence x = ±7, and", "wrong", false},
	{verseDoc("7"), "", "wrong", false},
}

// vistaFresh and verseFresh were labelled when the rules were finished: 39 of 46 and 27 of 30 were then read as labelled.
// Two of the rest showed that braces of roots and powers were not taken off rightly, which was mended.
var vistaFresh = []labelled{
	{elevenths, "The total number of marbles is 11. The number of blue marbles is 8. So the probability of picking a blue marble is 8/11. Answer: 8/11", "8/11", false},
	{elevenths, "Based on the image, the probability is the number of blue marbles over all marbles. The correct answer is B.", "8/11", false},
	{elevenths, "Final Answer: (C)", "6/11", false},
	{elevenths, "Answer: The probability of picking a red marble is 3/11", "3/11", false},
	{elevenths, "I think the closest one is (D), though (A) would also be possible.", "5/11", false},
	{elevenths, "Answer:\n\nB", "8/11", false},
	{elevenths, "Answer: B) 8/11", "8/11", false},
	{elevenths, "Between B and D, D fits better.", "5/11", false},
	{elevenths, "Answer: 8 out of 11", "8/11", true},
	{yesNo, "The two lines cross at x = 2, thus the answer is yes", "Yes", false},
	{yesNo, "Answer: (B) No", "No", false},
	{yesNo, "Answer: It does not have the minimum area under the curve.", "No", true},
	{yesNo, "Is the sum of the smallest two greater than the largest? 4 + 5 = 9 < 12. No.", "No", false},
	{degrees, "Answer: The measure of angle C is 45°.", "45°", false},
	{degrees, "∠1 = 90° and ∠2 = 30°, so ∠3 = 60°", "60°", false},
	{degrees, "Since the lines are parallel, ∠B = ∠D = 45°. Therefore, choose B.", "45°", false},
	{degrees, "Answer: ninety degrees", "90°", true},
	{colors, "Looking at the legend, the dotted line stands for light green. Answer: Light Green", "light green", false},
	{colors, "Answer: D.", "light green", false},
	{colors, "the blue one", "blue", false},
	{colors, "Neither red nor blue, it is dark red", "dark red", false},
	{lengths, `The hypotenuse is $\sqrt{12} = 2\sqrt{3}$ cm. Answer: $2\sqrt{3}$`, "2√{3} cm", false},
	{lengths, "Answer: AB = 6 cm", "6 cm", false},
	{lengths, "Answer: √3", "√{3} cm", false},
	{countDoc, "There are 20 objects. Subtract 3 purple cubes, 3 are removed. 17 objects are left. Answer: 17", "17", false},
	{countDoc, "Answer: The number of bars with values smaller than 5 is 2.", "2", false},
	{countDoc, "Answer: In 2010, 45 people", "45", false},
	{countDoc, "Answer: 8 years", "8", false},
	{countDoc, "Answer: The woman is about 35 years old, the man 27, so 8.", "8", false},
	{countDoc, "The age gap is 1952 - 1944 = 8 years", "8", false},
	{countDoc, "Answer: zero", "0", false},
	{countDoc, "The answer should be 6 because 3 times 2 makes 6", "6", false},
	{countDoc, "Answer: 7 cm * 2 = 14 cm", "14", false},
	{countDoc, "Answer: 1,234,567", "1234567", false},
	{countDoc, "Answer: x = 14, y = 3", "14", true},
	{countDoc, "Answer: ~20", "20", false},
	{countDoc, "Answer: 2.5 million", "2500000", true},
	{countDoc, "Reason: the pattern repeats", "", false},
	{tenthDoc, "Answer: $0.65", "0.7", false},
	{tenthDoc, "Answer: 65% or 0.65", "0.7", true},
	{tenthDoc, "Answer: 2 1/2", "2.5", true},
	{centDoc, "$3.25 - $2.63 = $0.62. Answer: $0.62", "0.62", false},
	{centDoc, "Answer: You need $12.40 to buy both.", "12.4", false},
	{listDoc, "Answer: [2007, 2008] as both are below the mean", "[2007, 2008]", false},
	{listDoc, "Answer: between 2007 and 2008", "[2007, 2008]", false},
	{listDoc, "The years are [2007,2008] and the answer is [2007,2008]", "[2007, 2008]", false},
}

var verseFresh = []labelled{
	{verseChoice("A", "130°", "125°", "65°", "50°"), "Since AB is a diameter, ∠ACB = 90°, then ∠B = 65° and so ∠AOC = 130°. Answer: A", "right", false},
	{verseChoice("A", "130°", "125°", "65°", "50°"), "Answer: 65°", "wrong", false},
	{verseChoice("C", "130°", "125°", "65°", "50°"), "the correct choice is C: 65°", "right", false},
	{verseChoice("B", "1/2", "√{2}/2", "√{3}/2", "1"), `Answer: $\frac{\sqrt{2}}{2}$`, "right", false},
	{verseChoice("B", "1/2", "√{2}/2", "√{3}/2", "1"), "sin 45° = √2/2", "right", false},
	{verseChoice("D", "10m", "12m", "15m", "20m"), "The tree is 20 meters high.", "right", false},
	{verseChoice("D", "10m", "12m", "15m", "20m"), "Answer: The height of the tree is 20 m", "right", false},
	{verseChoice("C", "y=x+1", "y=2x", "y=x-1", "y=-x"), "Answer: y = x - 1", "right", false},
	{verseDoc("8"), "The answer is: 8", "right", false},
	{verseDoc("8"), "Therefore, the length of side BC is 8 units.", "right", false},
	{verseDoc("8"), "so BC² = 64 and BC = 8", "right", false},
	{verseDoc("8"), "Answer: BC = 8√2", "wrong", false},
	{verseDoc("8"), "Answer: 8.5", "wrong", false},
	{verseDoc("8"), "Answer: 6 or 8", "wrong", false},
	{verseDoc("120°"), `Answer: $120^{\circ}$`, "right", false},
	{verseDoc("120°"), "Answer: m∠A = 120", "right", false},
	{verseDoc("36π"), `The volume is $\frac{4}{3}\pi \cdot 27 = 36\pi$. Answer: $36\pi$ cubic inches`, "right", false},
	{verseDoc("36π"), "Answer: V = 36π cm³", "right", false},
	{verseDoc("36π"), "Answer: 113.1", "wrong", false},
	{verseDoc("√{13}"), "Answer: sqrt(13) units", "right", false},
	{verseDoc("√{13}"), "Answer: 3.61", "wrong", false},
	{verseDoc("7.5"), "Answer: 15/2 cm", "right", false},
	{verseDoc("7.5"), "x = 7.50", "right", false},
	{verseDoc("f(x)=(x+2)^{2}"), "Answer: f(x) = (x + 2)^2", "right", false},
	{verseDoc("(2,3)"), "Answer: The vertex is (2, 3).", "right", false},
	{verseDoc("(2,3)"), "Answer: (3, 2)", "wrong", false},
	{verseDoc("Yes"), "Answer: Yes, the triangles are similar.", "right", false},
	{verseDoc("25 m"), "Answer: The ladder reaches 25 m up the wall", "right", true},
	{verseDoc("25 m"), "Answer: 25 meters", "right", false},
	{verseDoc("25 m"), "Answer: not enough information", "wrong", false},
}

// TestMathLabels counts how often the rules agree with the labels, and checks that they disagree just where that is known.
func TestMathLabels(t *testing.T) {
	for _, c := range []struct {
		task   *Task
		labels []labelled
	}{{mathvista, vistaLabels}, {mathverse, verseLabels}, {mathvista, vistaFresh}, {mathverse, verseFresh}} {
		agree := 0
		for _, l := range c.labels {
			r := c.task.Score(l.doc, l.response, Draw{})
			got := ""
			switch {
			case c.task == mathverse:
				got = map[bool]string{true: "right", false: "wrong"}[r.Score == 1]
			case r.Parsed != nil:
				got = fmt.Sprint(r.Parsed)
			}
			if got == l.want {
				agree++
			}
			if (got != l.want) != l.misread {
				t.Errorf("%s: %q of %v is read as %q, a reader takes %q; known to be misread: %v", c.task.Name, l.response, l.doc["choices"], got, l.want, l.misread)
			}
		}
		t.Logf("%s: the rules agree with %d of %d labels", c.task.Name, agree, len(c.labels))
	}
}
