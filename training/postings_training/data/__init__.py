"""What is trained and measured on: rows, BEIR sets, and how alike two texts are."""
