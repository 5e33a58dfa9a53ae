// Package vision turns encoded pictures and videos into the pixel tiles LLaDA-V's tower reads, and says in integers how
// the tower's feature rows become rows of the prompt.
//
// It works on pixels and integers only: it knows no device, no tensor and no tower. "Number for number as the
// reference" starts here, so decoding, colour conversion and resizing follow Pillow to the last bit where the format
// allows it, and the grid choice, the cropping and the shrinking follow the reference's floating-point arithmetic
// (testdata/golden/README.md, "Preprocessing" and "Merging image features").
//
// Read [Config] first: [Config.Prepare] makes [Tiles] of pictures, [Config.Picture] and [Config.Video] the [Layout] of
// their features. [Decode] makes an [Image] of a file, [Frames] the images of a video.
package vision
