"""The steps of `data/read.py`, from bytes on disk to checked columns, in this order:

files -> layouts -> columns -> delimited | jsonlines | frames -> values, times, tables -> items, describe -> assemble
"""
