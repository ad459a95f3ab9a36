"""Judgements of search hits: where they are kept, how good a ranking is by them, and their BEIR folder."""

from postings_query.judgements.judgement import GRADES, Judgement
from postings_query.judgements.judgements import Changed, Judgements
from postings_query.judgements.quality import QueryQuality, RankingQuality, ndcg

__all__ = ["GRADES", "Changed", "Judgement", "Judgements", "QueryQuality", "RankingQuality", "ndcg"]
