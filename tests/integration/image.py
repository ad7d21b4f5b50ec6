#!/usr/bin/env python3
"""Makes images for tests, from tars of layers that are given.

    image.py layout DIR NAME LAYER...      an OCI image layout; LAYER is FILE[:gzip|:zstd|:wide|:plain], gzip if nothing is said
    image.py docker DIR NAME LAYER...      the files of a docker-archive, as Docker wrote them for years: plain layers in
                                           directories of their own, a layer that is there twice as a symbolic link
    image.py index DIR NAME PLATFORM=LAYER...   a layout with an index over platforms, each with one layer

A layout that is there already gets one more image.
"""
import gzip, hashlib, json, os, subprocess, sys

OCI = "application/vnd.oci.image."


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put(root, data):
    path = os.path.join(root, "blobs/sha256", digest(data)[7:])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return digest(data)


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "wide":  # zstd with the largest window that there may be
        return subprocess.run(["zstd", "-qc", "--zstd=wlog=25"], input=data, stdout=subprocess.PIPE, check=True).stdout
    if how == "zstd":
        return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def document(value):
    return json.dumps(value).encode()


def config(diff_ids, architecture="amd64"):
    return document({"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/sh"], "Env": ["FROM=test"]},
                     "rootfs": {"type": "layers", "diff_ids": diff_ids}})


def descriptor(kind, data, **more):
    return {"mediaType": OCI + kind, "digest": digest(data), "size": len(data), **more}


def manifest(root, layers, architecture="amd64"):
    diff_ids, descriptors = [], []
    for layer in layers:
        path, _, how = layer.partition(":")
        how = how or "gzip"
        with open(path, "rb") as f:
            tar = f.read()
        blob = compress(tar, how)
        put(root, blob)
        diff_ids.append(digest(tar))
        descriptors.append(descriptor("layer.v1.tar" + {"plain": "", "gzip": "+gzip"}.get(how, "+zstd"), blob))
    c = config(diff_ids, architecture)
    put(root, c)
    m = document({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": descriptor("config.v1+json", c),
                  "layers": descriptors})
    put(root, m)
    return m


def add_to_index(root, entry):
    path = os.path.join(root, "index.json")
    index = {"schemaVersion": 2, "manifests": []}
    if os.path.exists(path):
        with open(path) as f:
            index = json.load(f)
    index["manifests"].append(entry)
    with open(path, "w") as f:
        json.dump(index, f)
    with open(os.path.join(root, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')


def named(name):
    return {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}


def layout(root, name, *layers):
    add_to_index(root, descriptor("manifest.v1+json", manifest(root, layers), **named(name)))


def index(root, name, *platforms):
    entries = []
    for p in platforms:
        platform, layer = p.split("=")
        system, _, architecture = platform.partition("/")
        m = manifest(root, [layer], architecture)
        entries.append(descriptor("manifest.v1+json", m, platform={"os": system, "architecture": architecture}))
    i = document({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": entries})
    put(root, i)
    add_to_index(root, descriptor("index.v1+json", i, **named(name)))


def docker(root, name, *layers):
    files, diff_ids, there = [], [], {}
    os.makedirs(root, exist_ok=True)
    for n, layer in enumerate(layers):
        with open(layer, "rb") as f:
            tar = f.read()
        own = hashlib.sha256(b"%d" % n + tar).hexdigest()
        os.mkdir(os.path.join(root, own))
        file = own + "/layer.tar"
        if digest(tar) in there:
            os.symlink("../" + there[digest(tar)], os.path.join(root, file))
        else:
            with open(os.path.join(root, file), "wb") as f:
                f.write(tar)
            there[digest(tar)] = file
        files.append(file)
        diff_ids.append(digest(tar))
    c = config(diff_ids)
    with open(os.path.join(root, digest(c)[7:] + ".json"), "wb") as f:
        f.write(c)
    path, images = os.path.join(root, "manifest.json"), []
    if os.path.exists(path):
        with open(path) as f:
            images = json.load(f)
    images.append({"Config": digest(c)[7:] + ".json", "RepoTags": [name] if name else None, "Layers": files})
    with open(path, "w") as f:
        json.dump(images, f)


{"layout": layout, "docker": docker, "index": index}[sys.argv[1]](*sys.argv[2:])
