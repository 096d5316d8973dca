"""What `data/read.py` is made of: from bytes on disk to checked columns, in this order.

files -> layouts -> columns -> delimited | jsonlines | frames -> values, times, tables -> items, describe -> assemble
"""
