"""Reading COCO-format data sets and turning them into augmented training batches."""
